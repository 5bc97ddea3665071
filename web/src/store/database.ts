/**
 * What this phone keeps: the cards it holds, every swipe until its verdict is known, and the last replies to show
 * without a network. One database for all tabs and for the service worker.
 */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Answer, Card, Verdict } from "../lib/types";

/** A card on this phone. `order` is its place in the deck; `claim` is the tab that shows it, while that lives. */
export interface HeldCard extends Card {
  workflow: number;
  project: string;
  order: number;
  claim?: string;
}

export type SwipeState = "waiting" | "settled" | "set_aside";

/**
 * A swipe. `due` is when it may be sent: until then it can be undone without a word to the service. `tried` says that
 * a request has left with it, whether or not an answer came: from then on it can only be retracted.
 */
export interface Swipe {
  id: string;
  workflow: number;
  project: string;
  subject: string;
  card: HeldCard;
  answer: Answer;
  answered_at: string;
  dwell_ms: number;
  session: string;
  utc_offset_minutes: number;
  language: string;
  flag: boolean;
  favourite: boolean;
  at: number;
  due: number;
  tried: boolean;
  state: SwipeState;
  /** The tab in which it was given: where feedback to it belongs. */
  tab: string;
  verdict?: Verdict;
  undone?: boolean;
  /** Its feedback has been read. */
  told?: boolean;
}

/** A wish to take a swipe back. Sent before any swipe, so that the card is open again when the new answer comes. */
export interface Retraction {
  id: string;
  workflow: number;
  subject: string;
  at: number;
}

interface Tables extends DBSchema {
  facts: { key: string; value: unknown };
  cards: { key: [number, string]; value: HeldCard; indexes: { order: [number, number] } };
  swipes: { key: string; value: Swipe; indexes: { state: SwipeState; at: number } };
  retractions: { key: string; value: Retraction };
  replies: { key: string; value: { at: number; reply: unknown } };
}

export type Database = IDBPDatabase<Tables>;

const NAME = "chaffinch";
const VERSION = 1;

let opening: Promise<Database> | undefined;

export function database(): Promise<Database> {
  opening ??= openDB<Tables>(NAME, VERSION, {
    upgrade(made) {
      made.createObjectStore("facts");
      const cards = made.createObjectStore("cards", { keyPath: ["workflow", "subject"] });
      cards.createIndex("order", ["workflow", "order"]);
      const swipes = made.createObjectStore("swipes", { keyPath: "id" });
      swipes.createIndex("state", "state");
      swipes.createIndex("at", "at");
      made.createObjectStore("retractions", { keyPath: "id" });
      made.createObjectStore("replies");
    },
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
      opening = undefined;
    },
    terminated() {
      opening = undefined;
    },
  }).catch((reason: unknown) => {
    opening = undefined;
    throw reason;
  });
  return opening;
}

export async function fact<Value>(name: string): Promise<Value | undefined> {
  return (await (await database()).get("facts", name)) as Value | undefined;
}

export async function setFact(name: string, value: unknown): Promise<void> {
  await (await database()).put("facts", value, name);
}

export async function dropFact(name: string): Promise<void> {
  await (await database()).delete("facts", name);
}
