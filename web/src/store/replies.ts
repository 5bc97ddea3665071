/** Replies that are shown again without a network: the last one first, the new one when it comes. */

import { ask, Problem, Unreachable } from "../lib/http";
import { database } from "./database";
import { token, tokenIsUnknown } from "./volunteer";

/** What the page came with: the replies that its first view would ask for, so that it need not. */
const given: Record<string, unknown> = (() => {
  const element = typeof document === "undefined" ? null : document.getElementById("replies");
  try {
    return JSON.parse(element?.textContent ?? "{}") as Record<string, unknown>;
  } catch {
    return {};
  }
})();

/** Replies to more addresses than this are not kept. */
const REMEMBERED = 80;

export interface Looking {
  /** The reply is the volunteer's own: without a token nothing is asked. */
  personal?: boolean;
  /** Do not ask at all where something not older than this is here. */
  freshMs?: number;
}

/**
 * Show a reply: what is remembered at once, then what the service says. `fail` is told why nothing newer came, and
 * whether something is shown.
 */
export async function look<Reply>(
  path: string,
  show: (reply: Reply) => void,
  fail: (why: Problem | Unreachable, shown: boolean) => void = () => undefined,
  { personal = false, freshMs = 0 }: Looking = {},
): Promise<void> {
  if (path in given) {
    const reply = given[path] as Reply;
    delete given[path];
    show(reply);
    await remember(path, reply);
    return;
  }
  const known = await recall<Reply>(path);
  if (known !== undefined) show(known.reply);
  if (known !== undefined && Date.now() - known.at < freshMs) return;
  const bearer = await token();
  if (personal && bearer === null) return;
  try {
    const reply = await askAs<Reply>(path, bearer, personal);
    show(reply);
    await remember(path, reply);
  } catch (error) {
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    if (personal && bearer !== null && error instanceof Problem && error.status === 401) await tokenIsUnknown(bearer);
    fail(error, known !== undefined);
  }
}

/** Ask as the volunteer, who may be shown a private project; what is for everybody, without a token that is not known. */
async function askAs<Reply>(path: string, bearer: string | null, personal: boolean): Promise<Reply> {
  try {
    return await ask<Reply>(path, { token: bearer });
  } catch (error) {
    if (personal || bearer === null || !(error instanceof Problem) || error.status !== 401) throw error;
    return ask<Reply>(path);
  }
}

async function recall<Reply>(path: string): Promise<{ at: number; reply: Reply } | undefined> {
  try {
    return (await (await database()).get("replies", path)) as { at: number; reply: Reply } | undefined;
  } catch {
    return undefined;
  }
}

async function remember(path: string, reply: unknown): Promise<void> {
  try {
    const { store, done } = (await database()).transaction("replies", "readwrite");
    await store.put({ at: Date.now(), reply }, path);
    if ((await store.count()) > REMEMBERED) {
      const [values, keys] = await Promise.all([store.getAll(), store.getAllKeys()]);
      const oldest = values.reduce((found, each, index) => (each.at < values[found]!.at ? index : found), 0);
      await store.delete(keys[oldest]!);
    }
    await done;
  } catch {
    // A full disk costs the memory of a page, not the page.
  }
}
