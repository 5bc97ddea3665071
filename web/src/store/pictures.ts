/** Pictures before they are wanted: the next few at once, the rest of the deck when nothing else is to be done. */

import type { HeldCard } from "./database";

/** Pictures of so many cards are asked for ahead of the one that is shown. */
export const NEXT = 3;

const asked = new Set<string>();

/** Load a picture as a page does: asked for in another way, the browser would not take it from its own cache. */
function fetchPicture(url: string, priority: "high" | "low"): Promise<boolean> {
  if (asked.has(url)) return Promise.resolve(true);
  asked.add(url);
  return new Promise((done) => {
    const image = new Image();
    image.fetchPriority = priority;
    image.onload = () => done(true);
    image.onerror = () => {
      asked.delete(url);
      done(false);
    };
    image.src = url;
  });
}

const urlsOf = (card: HeldCard) => card.locations.map((location) => location.url);

/** Ask for the pictures of the next cards. */
export function fetchNext(cards: HeldCard[]): void {
  for (const url of cards.slice(0, NEXT).flatMap(urlsOf)) void fetchPicture(url, "high");
}

/** Ask for all pictures of a deck, one after another, so that it can be swiped without a network. */
export async function fetchDeck(cards: HeldCard[]): Promise<void> {
  for (const url of cards.flatMap(urlsOf)) {
    if (!navigator.onLine) return;
    await fetchPicture(url, "low");
  }
}
