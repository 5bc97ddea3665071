/** The words of the interface. English comes with the page, the others when they are wanted. */

import { en, type Messages } from "../messages/en";
import { settings } from "./settings.svelte";

export type Code = "en" | "es" | "ar";

/** The languages there are, each in its own words. */
export const LANGUAGES: Record<Code, string> = { en: "English", es: "Español", ar: "العربية" };

const RIGHT_TO_LEFT: ReadonlySet<Code> = new Set<Code>(["ar"]);

const OTHERS: Record<Exclude<Code, "en">, () => Promise<Messages>> = {
  es: async () => (await import("../messages/es")).es,
  ar: async () => (await import("../messages/ar")).ar,
};

/** The words in force: `language.it.yes`. */
export const language: { code: Code; it: Messages } = $state({ code: "en", it: en });

function wanted(): Code {
  if (settings.language !== "auto") return settings.language;
  for (const each of navigator.languages) {
    const code = each.slice(0, 2).toLowerCase();
    if (code in LANGUAGES) return code as Code;
  }
  return "en";
}

/** Follow the setting, or the device. */
export function applyLanguage(): void {
  $effect(() => {
    void speak(wanted());
  });
}

async function speak(code: Code): Promise<void> {
  let messages = en;
  try {
    if (code !== "en") messages = await OTHERS[code]();
  } catch {
    return; // Without a network the words that are here will do; they are asked for again with the next page.
  }
  if (code !== wanted()) return;
  Object.assign(language, { code, it: messages });
  document.documentElement.lang = code;
  document.documentElement.dir = RIGHT_TO_LEFT.has(code) ? "rtl" : "ltr";
}

export function number(value: number): string {
  return new Intl.NumberFormat(language.code).format(value);
}

export function time(at: number): string {
  return new Intl.DateTimeFormat(language.code, { hour: "2-digit", minute: "2-digit" }).format(at);
}

export function weekday(day: string): string {
  return new Intl.DateTimeFormat(language.code, { weekday: "short", timeZone: "UTC" }).format(Date.parse(day));
}
