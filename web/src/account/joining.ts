/**
 * Another token in the place of this phone's: after logging in, and after logging out.
 *
 * No swipe is lost by it. While the token changes nobody sends and nobody registers, in no tab and not in the service
 * worker: what waits is sent with the new token afterwards, and since the phone's person has joined the account, the
 * cards stay good. Should the reply be lost, the phone has a token that was revoked: logging in again gives another one,
 * of the same person, and the swipes are here still.
 */

import { ask, Problem } from "../lib/http";
import { isSubscribed, renewSubscription, unsubscribe } from "../lib/push";
import type { Session } from "../lib/types";
import { startOver } from "../store/anew";
import { database, setFact } from "../store/database";
import { alone } from "../store/locks";
import { release, send, waiting } from "../store/outbox";
import { tryNow } from "../store/sending";
import { keepVolunteer, REGISTRATION, token } from "../store/volunteer";

/** Ask for a session with the phone's token, and let it take that one's place. */
export async function join<Reply>(path: string, asking: { method: "POST" | "PUT"; body: unknown }, sessionOf: (reply: Reply) => Session | null): Promise<Reply> {
  const reply = await exclusively(async () => {
    const found = await askKnown<Reply>(path, asking);
    const session = sessionOf(found);
    if (session !== null) await keepVolunteer(session);
    return found;
  });
  await (await database()).clear("replies"); // they were told to somebody else
  void renewSubscription().catch(() => undefined);
  tryNow();
  return reply;
}

/** Ask with the phone's token; where the service does not know that any more, as somebody who has none. */
async function askKnown<Reply>(path: string, asking: { method: "POST" | "PUT"; body: unknown }): Promise<Reply> {
  const bearer = await token();
  try {
    return await ask<Reply>(path, { ...asking, token: bearer });
  } catch (error) {
    if (bearer === null || !(error instanceof Problem) || error.status !== 401) throw error;
    return ask<Reply>(path, asking);
  }
}

/** Log out, if nothing waits to be sent; say whether that was so. */
export async function leave(detail: string): Promise<boolean> {
  await release();
  await send();
  if ((await waiting()).waiting > 0) return false;
  if (await isSubscribed()) await unsubscribe().catch(() => undefined);
  await exclusively(async () => {
    await ask("/v1/sessions/current", { method: "DELETE", token: await token() }).catch((error: unknown) => {
      if (!(error instanceof Problem) || error.status !== 401) throw error; // it was revoked elsewhere
    });
    await startOver(detail);
  });
  return true;
}

/** Do something while nobody sends and nobody registers. */
function exclusively<Result>(act: () => Promise<Result>): Promise<Result> {
  return alone("sending", () => alone(REGISTRATION, act));
}

/** What a login that is at its provider needs when it comes back. */
export interface Begun {
  secret: string;
  link: boolean;
}

export function keepBegun(begun: Begun): Promise<void> {
  return setFact("login", begun);
}
