/** What happened to swipes and cards, told to every tab and to the page that made it happen. */

import type { Swipe } from "./database";

export type News =
  | { kind: "swiped"; workflow: number; subject: string; tab: string }
  | { kind: "sent"; swipes: Swipe[] }
  | { kind: "returned"; workflow: number; subject: string; why?: "gold_shown" | "too_late" }
  | { kind: "network"; reachable: boolean }
  | { kind: "unknown_token" };

const near = new EventTarget();
const far = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("chaffinch");

export function tell(news: News): void {
  near.dispatchEvent(new CustomEvent("news", { detail: news }));
  far?.postMessage(news);
}

/** Listen until the function that is returned is called. */
export function listen(hear: (news: News) => void): () => void {
  const here = (event: Event) => hear((event as CustomEvent<News>).detail);
  const there = (event: MessageEvent<News>) => hear(event.data);
  near.addEventListener("news", here);
  far?.addEventListener("message", there);
  return () => {
    near.removeEventListener("news", here);
    far?.removeEventListener("message", there);
  };
}
