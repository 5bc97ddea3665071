/** Small things that a browser remembers for a tab or for good; one that is told to remember nothing still works. */

import { word } from "./ids";

type Place = "localStorage" | "sessionStorage";

/** How long a sitting lasts without a swipe. */
const SITTING_MS = 30 * 60_000;

export function remembered(place: Place, key: string): string | null {
  try {
    return window[place].getItem(key);
  } catch {
    return null;
  }
}

export function remember(place: Place, key: string, value: string): void {
  try {
    window[place].setItem(key, value);
  } catch {
    // It is forgotten with the page.
  }
}

/** A random word for one sitting in one project, which ends with the tab or after half an hour. */
export function sittingWord(project: string, now: number): string {
  const key = `chaffinch sitting ${project}`;
  const [known, at] = (remembered("sessionStorage", key) ?? "").split(" ");
  const current = known && now - Number(at) < SITTING_MS ? known : word();
  remember("sessionStorage", key, `${current} ${now}`);
  return current;
}
