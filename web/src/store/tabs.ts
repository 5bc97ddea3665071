/**
 * Which tab is which. Each holds a lock by its name for as long as it lives, so that what a tab had claimed is free
 * again in the moment in which it is closed, crashes, or is put to sleep for good.
 */

import { word } from "../lib/ids";
import { remember, remembered } from "../lib/remembering";
import { heldNames, keep } from "./locks";

const KEY = "chaffinch tab";
const LOCK = "tab ";

let naming: Promise<string> | undefined;

/** The name of this tab: the same after a reload, another one in a tab that was duplicated. */
export function thisTab(): Promise<string> {
  naming ??= name();
  return naming;
}

async function name(): Promise<string> {
  const known = remembered("sessionStorage", KEY);
  if (known !== null && (await keep(LOCK + known))) return known;
  const own = word();
  await keep(LOCK + own);
  remember("sessionStorage", KEY, own);
  return own;
}

/** The names of all tabs that are alive. */
export async function liveTabs(): Promise<Set<string>> {
  const names = (await heldNames()).filter((each) => each.startsWith(LOCK));
  return new Set(names.map((each) => each.slice(LOCK.length)));
}
