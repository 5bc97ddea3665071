/** What a volunteer has set on this phone. Read before the first paint, so that nothing flashes. */

import { remember, remembered } from "./remembering";

export type Theme = "dark" | "light" | "system";
export type Languages = "auto" | "en" | "es" | "ar";

export interface Settings {
  language: Languages;
  theme: Theme;
  leftHanded: boolean;
  reducedMotion: boolean;
  highContrast: boolean;
  saveData: boolean;
}

const KEY = "chaffinch settings";
const DEFAULTS: Settings = {
  language: "auto",
  theme: "dark",
  leftHanded: false,
  reducedMotion: false,
  highContrast: false,
  saveData: false,
};

function read(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(remembered("localStorage", KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return { ...DEFAULTS };
  }
}

export const settings: Settings = $state(read());

/** Show the page as it is set, and keep it so; other tabs follow. */
export function applySettings(): void {
  $effect(() => {
    const root = document.documentElement;
    root.dataset["theme"] = settings.theme;
    root.dataset["hand"] = settings.leftHanded ? "left" : "right";
    root.dataset["motion"] = settings.reducedMotion ? "reduced" : "system";
    root.dataset["contrast"] = settings.highContrast ? "high" : "system";
    remember("localStorage", KEY, JSON.stringify(settings));
  });
  $effect(() => {
    const hear = (event: StorageEvent) => {
      if (event.key === KEY) Object.assign(settings, read());
    };
    addEventListener("storage", hear);
    return () => removeEventListener("storage", hear);
  });
}

/** Whether things should stay still: by the setting here, or by that of the device. */
export function still(): boolean {
  return settings.reducedMotion || matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Whether to spare the volunteer's data. */
export function sparing(): boolean {
  const connection = (navigator as { connection?: { saveData?: boolean } }).connection;
  return settings.saveData || connection?.saveData === true;
}

/** The screen's width in device pixels; more than two a CSS pixel is more than an eye sees, until it zooms. */
export function pixelsAcross(): number {
  const across = Math.min(innerWidth, 720) * Math.min(devicePixelRatio || 1, sparing() ? 1 : 2);
  return Math.min(Math.max(Math.round(across), 1), 10_000);
}
