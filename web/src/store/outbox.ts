/**
 * Swipes on their way: first into the database of this phone, then to the service, each until a verdict names it.
 *
 * Theory of operation
 * -------------------
 *     record -> (undo: gone again) -> due -> tried -> verdict: settled, or set aside with a reason
 *                                       \-> retract: sent before any swipe, then the card is back
 *
 * One sender at a time, over all tabs and the service worker. Whatever goes wrong on the way, the same swipe is sent
 * again under the same id; the service counts it once. A page may be killed between any two lines of this.
 */

import { ask, Problem } from "../lib/http";
import type { Classification, RetractionVerdicts, Verdict, Verdicts } from "../lib/types";
import { database, type HeldCard, type Retraction, type Swipe } from "./database";
import { alone } from "./locks";
import { tell } from "./news";
import { token, tokenIsUnknown } from "./volunteer";

/** How long a swipe stays on the phone, so that undoing it costs nothing. Leaving the page ends the wait. */
export const HOLD_MS = 2_500;

/** The most swipes that one request may carry. */
const BATCH = 100;

/** How many swipes whose verdict is known are kept, to look back at and to take back. */
const REMEMBERED = 60;

export interface Waiting {
  /** Swipes that no verdict has named yet. */
  waiting: number;
  /** Swipes that the service will not take, and that nobody has put away. */
  setAside: number;
}

/**
 * Keep a swipe, and give up its card, in one transaction. Returns false where the card is gone: it was answered in
 * another tab, and an answer more would be one too many.
 */
export async function record(swipe: Swipe): Promise<boolean> {
  const change = (await database()).transaction(["cards", "swipes"], "readwrite", { durability: "strict" });
  const cards = change.objectStore("cards");
  try {
    const held = await cards.get([swipe.workflow, swipe.subject]);
    if (held !== undefined) {
      await change.objectStore("swipes").add(swipe);
      await cards.delete([swipe.workflow, swipe.subject]);
    }
    await change.done;
    return held !== undefined;
  } catch (error) {
    change.done.catch(() => undefined);
    if (!change.error) change.abort();
    throw error;
  }
}

export type Undone = "undone" | "retracting" | "gold_shown" | "nothing";

/** Take a swipe back: quietly if it has not left the phone, else by a retraction. Its card is on top again. */
export async function undo(id: string): Promise<Undone> {
  const change = (await database()).transaction(["cards", "swipes", "retractions"], "readwrite");
  const swipes = change.objectStore("swipes");
  const swipe = await swipes.get(id);
  const outcome = outcomeOfUndoing(swipe);
  if (swipe !== undefined && (outcome === "undone" || outcome === "retracting")) {
    await change.objectStore("cards").put(onTop(swipe.card));
    if (outcome === "undone") {
      await swipes.delete(id);
    } else {
      await swipes.put({ ...swipe, undone: true });
      const wish: Retraction = { id, workflow: swipe.workflow, subject: swipe.subject, at: Date.now() };
      await change.objectStore("retractions").put(wish);
    }
  }
  await change.done;
  return outcome;
}

function outcomeOfUndoing(swipe: Swipe | undefined): Undone {
  if (swipe === undefined || swipe.undone || swipe.state === "set_aside") return "nothing";
  if (swipe.verdict?.feedback) return "gold_shown";
  return swipe.tried ? "retracting" : "undone";
}

/** The card before all others, and nobody's: the tab that takes it next shows it. */
function onTop({ claim: _given, ...card }: HeldCard): HeldCard {
  return { ...card, order: -Date.now() };
}

export async function waiting(): Promise<Waiting> {
  const store = (await database()).transaction("swipes").store.index("state");
  const [waitingCount, setAside] = await Promise.all([store.count("waiting"), store.count("set_aside")]);
  return { waiting: waitingCount, setAside };
}

/** What the service has told of training pictures that this volunteer answered, and that nobody has read yet. */
export async function untold(workflow: number): Promise<Swipe[]> {
  const settled = await (await database()).getAllFromIndex("swipes", "state", "settled");
  const taught = settled.filter((swipe) => swipe.workflow === workflow && swipe.verdict?.feedback && !swipe.told);
  return taught.sort((one, other) => one.at - other.at);
}

/** It has been read. */
export async function markTold(id: string): Promise<void> {
  const change = (await database()).transaction("swipes", "readwrite");
  const swipe = await change.store.get(id);
  if (swipe !== undefined) await change.store.put({ ...swipe, told: true });
  await change.done;
}

/** The newest swipes of this phone, the newest first. */
export async function latest(count: number): Promise<Swipe[]> {
  const found: Swipe[] = [];
  let cursor = await (await database()).transaction("swipes").store.index("at").openCursor(null, "prev");
  while (cursor && found.length < count) {
    found.push(cursor.value);
    cursor = await cursor.continue();
  }
  return found;
}

/** Put away what was set aside, once its volunteer has read why. */
export async function putAway(id: string): Promise<void> {
  await (await database()).delete("swipes", id);
}

/** When the next waiting swipe or retraction may be sent, by this device's clock; undefined if nothing waits. */
export async function nextDue(): Promise<number | undefined> {
  const retractions = await (await database()).count("retractions");
  if (retractions > 0) return Date.now();
  const swipes = await (await database()).getAllFromIndex("swipes", "state", "waiting");
  const dues = swipes.filter((swipe) => !swipe.undone).map((swipe) => swipe.due);
  return dues.length === 0 ? undefined : Math.min(...dues);
}

/** Let everything go at once: the page is being left, and may never come back. */
export async function release(): Promise<void> {
  const change = (await database()).transaction("swipes", "readwrite");
  for (const swipe of await change.store.index("state").getAll("waiting")) {
    if (swipe.due > Date.now()) await change.store.put({ ...swipe, due: Date.now() });
  }
  await change.done;
}

/**
 * Send what is due, one batch after another, until nothing is.
 *
 * Throws `Problem` or `Unreachable` where the service says no or does not answer; everything is kept then, and sent
 * again by whoever calls next.
 */
export async function send(keepalive = false): Promise<void> {
  await alone("sending", async () => {
    const bearer = await token();
    if (bearer === null) return;
    for (;;) {
      const retracted = await sendRetractions(bearer, keepalive);
      const batch = await takeBatch();
      if (batch.length > 0) await sendBatch(bearer, batch, keepalive);
      else if (retracted === 0) break;
    }
    await forgetOld();
  });
}

async function sendRetractions(bearer: string, keepalive: boolean): Promise<number> {
  const wishes = (await (await database()).getAll("retractions")).slice(0, BATCH);
  if (wishes.length === 0) return 0;
  const body = { retractions: wishes.map(({ id }) => ({ id })) };
  const reply = await asked<RetractionVerdicts>("/v1/retractions", bearer, body, keepalive);
  for (const verdict of reply.verdicts) {
    if (verdict.verdict === "retry") throw new Problem(503, { detail: verdict.detail ?? "" }, 1000);
    await settleRetraction(verdict.id, verdict.verdict === "rejected" ? (verdict.reason ?? "too_late") : undefined);
  }
  return wishes.length;
}

/** Forget a retraction; where it was refused the first answer stands, so a card that was put back goes again. */
async function settleRetraction(id: string, refused: string | undefined): Promise<void> {
  const change = (await database()).transaction(["cards", "swipes", "retractions"], "readwrite");
  const wish = await change.objectStore("retractions").get(id);
  const swipes = change.objectStore("swipes");
  const swipe = await swipes.get(id);
  await change.objectStore("retractions").delete(id);
  if (refused === undefined) {
    if (swipe !== undefined) await swipes.delete(id);
  } else if (wish !== undefined) {
    if (swipe !== undefined) await swipes.put({ ...swipe, undone: false });
    await change.objectStore("cards").delete([wish.workflow, wish.subject]);
    for (const later of await swipes.index("state").getAll("waiting")) {
      const again = later.id !== id && later.workflow === wish.workflow && later.subject === wish.subject;
      if (again && !later.tried) await swipes.delete(later.id);
    }
  }
  await change.done;
  if (wish === undefined) return;
  const why = refused === "gold_shown" || refused === "too_late" ? { why: refused } as const : {};
  tell({ kind: "returned", workflow: wish.workflow, subject: wish.subject, ...why });
}

/**
 * Mark the swipes that are due as tried, and return them: from here on they may have arrived. A new answer to a card
 * whose old answer is still to be retracted waits for that: it would be one too many.
 */
async function takeBatch(): Promise<Swipe[]> {
  const change = (await database()).transaction(["swipes", "retractions"], "readwrite", { durability: "strict" });
  const swipes = change.objectStore("swipes");
  const [waitingNow, wishes] = await Promise.all([
    swipes.index("state").getAll("waiting"),
    change.objectStore("retractions").getAll(),
  ]);
  const closed = new Set(wishes.map(cardOf));
  const due = waitingNow
    .filter((swipe) => swipe.due <= Date.now() && !swipe.undone && !closed.has(cardOf(swipe)))
    .sort((one, other) => one.at - other.at)
    .slice(0, BATCH);
  for (const swipe of due) {
    if (!swipe.tried) await swipes.put({ ...swipe, tried: true });
  }
  await change.done;
  return due;
}

function cardOf({ workflow, subject }: { workflow: number; subject: string }): string {
  return `${workflow} ${subject}`;
}

async function sendBatch(bearer: string, batch: Swipe[], keepalive: boolean): Promise<void> {
  let verdicts: Verdict[];
  try {
    const body = { classifications: batch.map(wire) };
    verdicts = (await asked<Verdicts>("/v1/classifications", bearer, body, keepalive)).verdicts;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 422) throw error;
    verdicts = refusals(batch, error);
    if (verdicts.length === 0) throw error;
  }
  await settle(batch, verdicts);
  if (verdicts.some((each) => each.verdict === "retry")) throw new Problem(503, { detail: "busy" }, 1000);
}

async function asked<Reply>(path: string, bearer: string, body: unknown, keepalive: boolean): Promise<Reply> {
  try {
    return await ask<Reply>(path, { method: "POST", token: bearer, body, keepalive });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) await tokenIsUnknown(bearer);
    throw error;
  }
}

/** A batch that breaks the contract is refused whole, with a pointer to every bad swipe: those are set aside. */
function refusals(batch: Swipe[], problem: Problem): Verdict[] {
  const found = new Map<number, string>();
  for (const each of problem.document.errors ?? []) {
    const place = /^\/classifications\/(\d+)/.exec(each.pointer ?? "");
    if (place) found.set(Number(place[1]), `${each.problem}: ${each.remedy}`);
  }
  if (found.size === 0 && batch.length === 1) found.set(0, problem.message); // it can only be this one
  return [...found].flatMap(([place, detail]) => {
    const swipe = batch[place];
    return swipe === undefined ? [] : [rejection(swipe.id, detail)];
  });
}

/** A verdict of our own, for what the service will never take. */
export function rejection(id: string, detail: string): Verdict {
  return { id, verdict: "rejected", detail, reason: null, field: null, outcome: null, feedback: null };
}

async function settle(batch: Swipe[], verdicts: Verdict[]): Promise<void> {
  const found = new Map(verdicts.map((each) => [each.id.toLowerCase(), each]));
  const change = (await database()).transaction("swipes", "readwrite");
  const told: Swipe[] = [];
  for (const { id } of batch) {
    const verdict = found.get(id);
    const swipe = await change.store.get(id);
    if (verdict === undefined || swipe === undefined || verdict.verdict === "retry") continue;
    const settled: Swipe = { ...swipe, verdict, state: verdict.verdict === "rejected" ? "set_aside" : "settled" };
    await change.store.put(settled);
    told.push(settled);
  }
  await change.done;
  if (told.length > 0) tell({ kind: "sent", swipes: told });
}

function wire(swipe: Swipe): Classification {
  const { id, workflow, subject, answer, answered_at, dwell_ms } = swipe;
  const { session, utc_offset_minutes, language, flag, favourite } = swipe;
  return { id, workflow, subject, answer, answered_at, dwell_ms, session, utc_offset_minutes, language, flag, favourite };
}

async function forgetOld(): Promise<void> {
  const change = (await database()).transaction("swipes", "readwrite");
  let kept = 0;
  let cursor = await change.store.index("at").openCursor(null, "prev");
  while (cursor) {
    if (cursor.value.state === "settled" && ++kept > REMEMBERED && !cursor.value.undone) await cursor.delete();
    cursor = await cursor.continue();
  }
  await change.done;
}
