/** What can wait until the first card is there: the service worker, the typeface, the manifest. */

import serif from "@fontsource-variable/literata/files/literata-latin-wght-normal.woff2?url";

import { notices } from "./notices.svelte";
import { renewSubscription } from "./push";
import { isStale } from "./router.svelte";

const WAIT_MS = 8_000;
const LOOK_FOR_NEW_MS = 60 * 60_000;

let begun: (() => void) | null = null;

/** Do the rest once something is shown, or after a while in any case. Returns a function that stops looking for news. */
export function prepareLater(): () => void {
  let looking: ReturnType<typeof setInterval> | undefined;
  const timer = setTimeout(() => begun?.(), WAIT_MS);
  begun = () => {
    begun = null;
    clearTimeout(timer);
    loadManifest();
    void loadTypeface();
    void registerWorker().then((registration) => {
      void renewSubscription().catch(() => undefined);
      if (registration) looking = setInterval(() => void registration.update().catch(() => undefined), LOOK_FOR_NEW_MS);
    });
  };
  return () => {
    clearTimeout(timer);
    clearInterval(looking);
  };
}

/** What matters is on the screen. */
export function firstViewIsThere(): void {
  if (begun) setTimeout(() => begun?.(), 50);
}

function loadManifest(): void {
  const link = document.createElement("link");
  link.rel = "manifest";
  link.href = "/manifest.webmanifest";
  document.head.append(link);
}

async function loadTypeface(): Promise<void> {
  try {
    const face = new FontFace("Literata", `url(${serif}) format("woff2")`, { weight: "200 900" });
    document.fonts.add(await face.load());
  } catch {
    // The device's own serif will do.
  }
}

async function registerWorker(): Promise<ServiceWorkerRegistration | undefined> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return undefined;
  try {
    const registration = await navigator.serviceWorker.register("/service-worker.js");
    watchForNew(registration);
    return registration;
  } catch {
    return undefined; // Without a worker everything works but the start without a network.
  }
}

/** Offer a new version when it is ready; nobody is thrown out of a card for it. */
function watchForNew(registration: ServiceWorkerRegistration): void {
  const offer = (worker: ServiceWorker | null) => {
    if (worker?.state !== "installed" || !navigator.serviceWorker.controller) return;
    notices.update = () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      worker.postMessage("take over");
    };
  };
  const before = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (before) isStale();
  });
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => offer(worker));
  });
}
