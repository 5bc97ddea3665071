/** Who swipes on this phone: registered with the first deck, without a name or a question. */

import { ask } from "../lib/http";
import type { Created } from "../lib/types";
import { dropFact, fact, setFact } from "./database";
import { alone } from "./locks";
import { tell } from "./news";

interface Volunteer {
  token: string;
  volunteer: string;
}

/** The browser's storage: a page may ask it to last, the service worker, which shares this file, may not. */
interface Storage {
  persisted(): Promise<boolean>;
  persist?(): Promise<boolean>;
}

const FACT = "volunteer";

/** Held while the token may change. */
export const REGISTRATION = "registration";

/** The token of this phone's volunteer, or null before there is one. */
export async function token(): Promise<string | null> {
  return (await fact<Volunteer>(FACT))?.token ?? null;
}

/** The token of this phone's volunteer, who begins now if need be. */
export async function ensureToken(): Promise<string> {
  const known = await token();
  if (known !== null) return known;
  return alone(REGISTRATION, async () => {
    const meanwhile = await token();
    if (meanwhile !== null) return meanwhile;
    const created = await ask<Created>("/v1/volunteers", { method: "POST", body: {} });
    await keepVolunteer(created);
    return created.token;
  });
}

/** Let this be the phone's volunteer from now on. */
export async function keepVolunteer({ token, volunteer }: Volunteer): Promise<void> {
  await setFact(FACT, { token, volunteer });
  const storage: Storage | undefined = navigator.storage;
  void storage?.persist?.().catch(() => undefined);
}

/**
 * The service does not know a token any more: nothing can be sent until somebody decides to begin anew. Unless another
 * has taken its place meanwhile, by a login.
 */
export async function tokenIsUnknown(bearer: string): Promise<void> {
  await alone(REGISTRATION, async () => {
    if ((await token()) === bearer) tell({ kind: "unknown_token" });
  });
}

/** Begin as somebody new. Cards that were dealt to the old volunteer are of no use to the new one. */
export async function beginAnew(): Promise<void> {
  await dropFact(FACT);
}
