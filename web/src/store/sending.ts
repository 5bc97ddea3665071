/** When to send: soon after a swipe, again after a failure with growing pauses, and at once when a network appears. */

import { Problem, Unreachable } from "../lib/http";
import { pauseAfter } from "../lib/pauses";
import { nextDue, release, send } from "./outbox";
import { listen, tell } from "./news";

const FIRST_PAUSE_MS = 1_000;

let failures = 0;
let stopped = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Send whenever there is something to send, for as long as the page lives. Returns a function that ends that. */
export function keepSending(): () => void {
  const again = () => {
    failures = 0;
    stopped = false;
    void attempt();
  };
  const leaving = () => {
    if (document.visibilityState === "hidden") void letGo();
  };
  addEventListener("online", again);
  document.addEventListener("visibilitychange", leaving);
  const deaf = listen((news) => {
    if (news.kind === "unknown_token") stopped = true;
  });
  void attempt();
  return () => {
    removeEventListener("online", again);
    document.removeEventListener("visibilitychange", leaving);
    deaf();
    clearTimeout(timer);
  };
}

/** Something new is waiting. */
export function wake(): void {
  if (failures === 0) void plan();
}

/** Try now, whatever went wrong before: somebody asks for it. */
export function tryNow(): void {
  failures = 0;
  stopped = false;
  void attempt();
}

/** The page is being left: nothing is held back any longer, and the browser is asked to see to the rest. */
async function letGo(): Promise<void> {
  await release();
  await requestSync();
  try {
    await send(true);
  } catch {
    // What did not go now goes with the next page, or with the browser's background sync.
  }
}

/** Ask the browser to send later, when there is a network, even if this page is gone by then. */
export async function requestSync(): Promise<void> {
  try {
    const registration = await navigator.serviceWorker?.getRegistration();
    await (registration as SyncRegistration | undefined)?.sync?.register("swipes");
  } catch {
    // Not every browser can, and some are told not to: then the next visit sends.
  }
}

interface SyncRegistration extends ServiceWorkerRegistration {
  sync?: { register(tag: string): Promise<void> };
}

async function plan(): Promise<void> {
  clearTimeout(timer);
  const due = await nextDue();
  if (due !== undefined && !stopped) timer = setTimeout(() => void attempt(), Math.max(0, due - Date.now()) + 10);
}

async function attempt(): Promise<void> {
  clearTimeout(timer);
  if (stopped) return;
  try {
    const due = await nextDue();
    if (due !== undefined && due <= Date.now()) {
      await send();
      tell({ kind: "network", reachable: true });
    }
    failures = 0;
    await plan();
  } catch (error) {
    const unreachable = error instanceof Unreachable;
    if (unreachable) tell({ kind: "network", reachable: false });
    if (stopped) return;
    failures += 1;
    // The browser's sync comes at once where there is a network: a service that asks for a pause shall have it.
    if (unreachable) void requestSync();
    const wanted = error instanceof Problem ? error.retryAfterMs : 0;
    timer = setTimeout(() => void attempt(), pauseAfter(failures, FIRST_PAUSE_MS, wanted));
  }
}
