/** Pictures before they are wanted: the next few at once, the rest of the deck when nothing else is to be done. */

import type { HeldCard } from "./database";

/** Pictures of so many cards are asked for ahead of the one that is shown. */
export const NEXT = 3;

const asked = new Set<string>();

function fetchPicture(url: string, priority: "high" | "low"): Promise<boolean> {
  if (asked.has(url)) return Promise.resolve(true);
  asked.add(url);
  const gone = () => {
    asked.delete(url);
    return false;
  };
  return fetch(url, { priority, headers: { Accept: "image/avif,image/webp,*/*" } } as RequestInit).then(
    async (reply) => (await reply.blob(), reply.ok || gone()),
    gone,
  );
}

const urlsOf = (card: HeldCard) => card.locations.map((location) => location.url);

/** Ask for the pictures of the next cards. */
export function fetchNext(cards: HeldCard[]): void {
  for (const url of cards.slice(0, NEXT).flatMap(urlsOf)) void fetchPicture(url, "high");
}

/** Ask for all pictures of a deck, one after another, so that it can be swiped without a network. */
export async function fetchDeck(cards: HeldCard[]): Promise<void> {
  for (const url of cards.flatMap(urlsOf)) {
    if (!(await fetchPicture(url, "low"))) return;
  }
}
