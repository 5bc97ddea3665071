/** The words of the desk, in the language of the page, and how it writes days and people. */

import { language, number, type Code } from "../lib/language.svelte";
import { en, type DeskMessages } from "../messages/desk/en";
import { apart } from "./apart";
import type { PersonRef } from "./service.svelte";

const OTHERS: Record<Exclude<Code, "en">, () => Promise<DeskMessages>> = {
  es: async () => (await import("../messages/desk/es")).es,
  ar: async () => (await import("../messages/desk/ar")).ar,
};

/** The words in force: `words.it.desk`. */
export const words: { it: DeskMessages } = $state({ it: en });

/** Follow the page's language. */
export function followLanguage(): void {
  $effect(() => {
    void speak(language.code);
  });
}

async function speak(code: Code): Promise<void> {
  try {
    const messages = code === "en" ? en : await OTHERS[code]();
    if (code === language.code) words.it = messages;
  } catch {
    // Without a network the words that are here will do.
  }
}

export function called(person: PersonRef | null): string {
  return person === null ? "" : apart(person.name ?? person.volunteer);
}

export function percent(share: number): string {
  return new Intl.NumberFormat(language.code, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

export function day(at: string): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium" }).format(Date.parse(at));
}

export function moment(at: string): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium", timeStyle: "short" }).format(Date.parse(at));
}

export function calendarDay(date: string): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium", timeZone: "UTC" }).format(Date.parse(date));
}

export { apart, number };
