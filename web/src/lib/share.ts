/** Hands a link of ours to the device's own way of sharing, or to its clipboard. */

import { language } from "./language.svelte";

/** Returns what is to be said of it, if anything: what is behind an open sheet is neither seen nor heard. */
export async function share(path: string, title: string): Promise<string> {
  const url = `${location.origin}${path}`;
  try {
    if (navigator.share) {
      await navigator.share({ title, url });
    } else {
      await navigator.clipboard.writeText(url);
      return language.it.copied;
    }
  } catch (error) {
    if ((error as DOMException).name !== "AbortError") return url;
  }
  return "";
}
