/**
 * Which tab is which. Each holds a lock by its name for as long as it lives, so that what a tab had claimed is free
 * again in the moment in which it is closed, crashes, or is put to sleep for good. Without locks (a page without HTTPS)
 * every tab is taken for dead by the others: two may show one card, which still is answered once.
 */

import { word } from "../lib/ids";
import { remember, remembered } from "../lib/remembering";

const KEY = "chaffinch tab";
const LOCK = "chaffinch tab ";

let naming: Promise<string> | undefined;

/** The name of this tab: the same after a reload, another one in a tab that was duplicated. */
export function thisTab(): Promise<string> {
  naming ??= name();
  return naming;
}

async function name(): Promise<string> {
  const known = remembered("sessionStorage", KEY);
  if (known !== null && (await hold(known))) return known;
  const own = word();
  await hold(own);
  remember("sessionStorage", KEY, own);
  return own;
}

/** Take the lock of a name and never give it back; false if another tab has it. */
function hold(tab: string): Promise<boolean> {
  if (!("locks" in navigator)) return Promise.resolve(true);
  return new Promise((done) => {
    void navigator.locks.request(LOCK + tab, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock === null ? undefined : new Promise<never>(() => undefined);
    });
  });
}

/** The names of all tabs that are alive. */
export async function liveTabs(): Promise<Set<string>> {
  if (!("locks" in navigator)) return new Set();
  const { held = [] } = await navigator.locks.query();
  const names = held.map((lock) => lock.name ?? "").filter((each) => each.startsWith(LOCK));
  return new Set(names.map((each) => each.slice(LOCK.length)));
}
