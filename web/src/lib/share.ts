/** Hands a link to one subject to the device's own way of sharing, or to its clipboard. */

import { language } from "./language.svelte";
import { notices } from "./notices.svelte";

export async function share(subject: string): Promise<void> {
  const url = `${location.origin}/s/${subject}`;
  try {
    if (navigator.share) {
      await navigator.share({ title: language.it.pictureOf(subject, 1, 1), url });
    } else {
      await navigator.clipboard.writeText(url);
      notices.say(language.it.copied);
    }
  } catch (error) {
    if ((error as DOMException).name !== "AbortError") notices.say(url);
  }
}
