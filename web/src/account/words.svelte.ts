/** The words of the account's page, in the language of the client: they come with the page, not before. */

import { language, type Code } from "../lib/language.svelte";
import { en, type Words } from "./words/en";

export type { Words };

const OTHERS: Record<Exclude<Code, "en">, () => Promise<Words>> = {
  es: async () => (await import("./words/es")).es,
  ar: async () => (await import("./words/ar")).ar,
};

/** The words in force: `words.it.logIn`. */
export const words: { it: Words } = $state({ it: en });

/** Follow the client's language. */
export function followLanguage(): void {
  $effect(() => {
    void speak(language.code);
  });
}

async function speak(code: Code): Promise<void> {
  let found = en;
  try {
    if (code !== "en") found = await OTHERS[code]();
  } catch {
    // Without a network English will do.
  }
  if (code === language.code) words.it = found;
}

/** Now, as this language writes it. */
export function moment(): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium", timeStyle: "short" }).format();
}

export function day(at: string): string {
  return new Intl.DateTimeFormat(language.code, { dateStyle: "medium" }).format(Date.parse(at));
}
