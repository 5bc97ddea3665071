/**
 * The cards on this phone. A deck is asked for under a key that is kept until its reply is: whatever is lost on the
 * way, the same key gets the same cards again.
 */

import { serviceNow } from "../lib/clock";
import { uuid7 } from "../lib/ids";
import { ask, Problem } from "../lib/http";
import type { Deck } from "../lib/types";
import { database, dropFact, fact, setFact, type HeldCard } from "./database";
import { alone } from "./locks";
import { liveTabs } from "./tabs";
import { ensureToken, tokenIsUnknown } from "./volunteer";

/** Half an hour of swiping in a tunnel; more would keep subjects from others for nothing. */
export const DECK_SIZE = 30;

/** A card is not shown when its answer might come too late on a slow link. */
const MARGIN_MS = 20_000;

const MOST_HOLDING = 200;

/** How the last request for a deck ended, as far as a page shows it. */
export interface DeckState {
  reason: NonNullable<Deck["reason"]> | "closed" | "not_allowed" | null;
  nextAt: number;
  at: number;
}

const allOf = (workflow: number) => IDBKeyRange.bound([workflow, -Infinity], [workflow, Infinity]);
const requestOf = (workflow: number) => `deck ${workflow}`;
const stateOf = (workflow: number) => `deck state ${workflow}`;

export function deckState(workflow: number): Promise<DeckState | undefined> {
  return fact<DeckState>(stateOf(workflow));
}

/** Claim for a tab up to `count` cards, in the deck's order. Cards whose time has run out go. */
export async function claim(workflow: number, tab: string, count: number): Promise<HeldCard[]> {
  const alive = await liveTabs();
  const change = (await database()).transaction("cards", "readwrite");
  const mine: HeldCard[] = [];
  let cursor = await change.store.index("order").openCursor(allOf(workflow));
  while (cursor && mine.length < count) {
    const card = cursor.value;
    if (hasRunOut(card)) {
      await cursor.delete();
    } else if (card.claim === undefined || card.claim === tab || !alive.has(card.claim)) {
      const claimed = { ...card, claim: tab };
      await cursor.update(claimed);
      mine.push(claimed);
    }
    cursor = await cursor.continue();
  }
  await change.done;
  return mine;
}

/** Give up a tab's claims: the page is being left. */
export async function unclaim(workflow: number, tab: string): Promise<void> {
  const change = (await database()).transaction("cards", "readwrite");
  for (const card of await change.store.index("order").getAll(allOf(workflow))) {
    if (card.claim !== tab) continue;
    const { claim: _given, ...free } = card;
    await change.store.put(free);
  }
  await change.done;
}

function hasRunOut(card: HeldCard): boolean {
  return Date.parse(card.accepted_until) - MARGIN_MS < serviceNow();
}

/** The cards of a workflow on this phone whose time has not run out, in the deck's order. */
export async function held(workflow: number): Promise<HeldCard[]> {
  const all = await (await database()).getAllFromIndex("cards", "order", allOf(workflow));
  return all.filter((card) => !hasRunOut(card));
}

/** How many cards of a workflow this phone holds. */
export async function left(workflow: number): Promise<number> {
  return (await held(workflow)).length;
}

/**
 * Ask for another deck. Cards whose place is no longer kept are not named as held, so the service may deal them again
 * or others in their stead; what it does not renew goes. Where another tab has asked meanwhile, and more than `enough`
 * cards are here, nothing is asked.
 *
 * Throws `Problem` or `Unreachable`; the request is kept then, and made again under the same key.
 */
export async function refill(workflow: number, project: string, width: number, enough: number): Promise<DeckState | null> {
  return alone(`deck ${workflow}`, async () => {
    if ((await left(workflow)) > enough) return (await deckState(workflow)) ?? null;
    const bearer = await ensureToken();
    const stale = await staleCards(workflow);
    const wish = (await fact<{ key: string }>(requestOf(workflow))) ?? { key: uuid7() };
    await setFact(requestOf(workflow), wish);
    const body = { key: wish.key, size: DECK_SIZE, width, holding: await holding(workflow, stale) };
    try {
      const path = `/v1/workflows/${workflow}/decks`;
      const deck = await ask<Deck>(path, { method: "POST", token: bearer, body });
      return await keep(workflow, project, deck, stale);
    } catch (error) {
      if (!(error instanceof Problem) || error.passes) throw error;
      if (error.status === 401) await tokenIsUnknown(bearer);
      await dropFact(requestOf(workflow));
      const reason = error.status === 410 ? "closed" : error.status === 403 ? "not_allowed" : undefined;
      if (reason === undefined) throw error;
      return noted(workflow, { reason, nextAt: 0, at: Date.now() });
    }
  });
}

/** Cards whose reservation has run out and that no tab shows. */
async function staleCards(workflow: number): Promise<Set<string>> {
  const alive = await liveTabs();
  const found = (await held(workflow)).filter(
    (card) => Date.parse(card.reserved_until) < serviceNow() && !(card.claim !== undefined && alive.has(card.claim)),
  );
  return new Set(found.map((card) => card.subject));
}

async function holding(workflow: number, stale: Set<string>): Promise<string[]> {
  const cards = (await held(workflow)).map((card) => card.subject).filter((subject) => !stale.has(subject));
  const swipes = await (await database()).getAllFromIndex("swipes", "state", "waiting");
  const answered = swipes.filter((swipe) => swipe.workflow === workflow).map((swipe) => swipe.subject);
  return [...new Set([...answered, ...cards])].slice(-MOST_HOLDING);
}

async function keep(workflow: number, project: string, deck: Deck, stale: Set<string>): Promise<DeckState> {
  const alive = await liveTabs();
  const change = (await database()).transaction(["cards", "swipes", "facts"], "readwrite");
  const cards = change.objectStore("cards");
  const answered = await change.objectStore("swipes").index("state").getAll("waiting");
  const gone = new Set(answered.filter((swipe) => swipe.workflow === workflow).map((swipe) => swipe.subject));
  for (const subject of stale) {
    const card = await cards.get([workflow, subject]);
    if (!card?.claim || !alive.has(card.claim)) await cards.delete([workflow, subject]);
  }
  const last = await cards.index("order").openCursor(allOf(workflow), "prev");
  let order = Math.max(0, last?.value.order ?? 0);
  for (const card of deck.cards) {
    if (gone.has(card.subject)) continue;
    const known = await cards.get([workflow, card.subject]);
    order += 1;
    await cards.put({ ...card, workflow, project, order: known?.order ?? order, ...(known?.claim ? { claim: known.claim } : {}) });
  }
  const state: DeckState = { reason: deck.reason ?? null, nextAt: deck.next_at, at: Date.now() };
  await change.objectStore("facts").delete(requestOf(workflow));
  await change.objectStore("facts").put(state, stateOf(workflow));
  await change.done;
  return state;
}

/** Put a card behind all others: its picture does not come. */
export async function putLast(card: HeldCard): Promise<void> {
  const change = (await database()).transaction("cards", "readwrite");
  const last = await change.store.index("order").openCursor(allOf(card.workflow), "prev");
  const { claim: _given, ...free } = card;
  if (await change.store.get([card.workflow, card.subject])) {
    await change.store.put({ ...free, order: Math.max(0, last?.value.order ?? 0) + 1 });
  }
  await change.done;
}

async function noted(workflow: number, state: DeckState): Promise<DeckState> {
  await setFact(stateOf(workflow), state);
  return state;
}

/** Forget every card: somebody else swipes on this phone from now on. */
export async function forgetCards(): Promise<void> {
  const change = (await database()).transaction(["cards", "facts"], "readwrite");
  await change.objectStore("cards").clear();
  for (const name of await change.objectStore("facts").getAllKeys()) {
    if (name.startsWith("deck ")) await change.objectStore("facts").delete(name);
  }
  await change.done;
}
