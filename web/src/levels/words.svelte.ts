/** What is said about levels, in the language of the page, and how days and shares are written. */

import { language, type Code } from "../lib/language.svelte";
import { en, type LevelMessages } from "../messages/levels/en";

const OTHERS: Record<Exclude<Code, "en">, () => Promise<LevelMessages>> = {
  es: async () => (await import("../messages/levels/es")).es,
  ar: async () => (await import("../messages/levels/ar")).ar,
};

/** The words in force: `words.it.unlocked(2)`. */
export const words: { it: LevelMessages } = $state({ it: en });

/** Follow the page's language, from within a component. */
export function followLanguage(): void {
  $effect(() => void speak(language.code));
}

async function speak(code: Code): Promise<void> {
  try {
    const messages = code === "en" ? en : await OTHERS[code]();
    if (code === language.code) words.it = messages;
  } catch {
    // Without a network the words that are here will do.
  }
}

export function percent(share: number): string {
  return new Intl.NumberFormat(language.code, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

export function day(at: string): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium" }).format(Date.parse(at));
}
