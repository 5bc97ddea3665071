/**
 * One sitting at one question: the cards on top, the answers to them, and what comes back.
 *
 * The page moves on in the same instant as the finger; the swipe is written to the phone's database at once, behind
 * it. A card is answered once: it leaves the list before anything is waited for, and the database gives it up only to
 * the first who answers it, whichever tab that is.
 */

import { claim, deckState, held, left, putLast, refill, unclaim, type DeckState } from "../store/decks";
import type { HeldCard, Swipe } from "../store/database";
import { listen, tell, type News } from "../store/news";
import { HOLD_MS, latest, markTold, record, undo, untold, type Undone } from "../store/outbox";
import { fetchDeck, fetchNext } from "../store/pictures";
import { tryNow, wake } from "../store/sending";
import { thisTab } from "../store/tabs";
import { moment, utcOffsetMinutes } from "./clock";
import { Problem, Unreachable } from "./http";
import { uuid7 } from "./ids";
import { language } from "./language.svelte";
import { pauseAfter } from "./pauses";
import { sittingWord } from "./remembering";
import { pixelsAcross, sparing } from "./settings.svelte";
import type { Answer } from "./types";

/** Cards that a tab claims: the one on top, and those whose pictures load behind it. */
const CLAIMED = 3;

/** A card must have been there for so long before an answer to it is taken: the service counts none that came sooner. */
const LEAST_LOOK_MS = 200;

/** How far back undo reaches: the service takes a retraction for ten minutes. */
const UNDO_MS = 9.5 * 60_000;

const ASK_AGAIN_MS = 30_000;
const LEAVING_MS = 300;

/** The next deck is asked for when so many cards are left, until the service says otherwise. */
const NEXT_AT = 8;

const FIRST_PAUSE_MS = 2_000;

/** A card on the screen; with an answer if it has been given one, and is flying away. */
export interface Lying {
  card: HeldCard;
  answer: Answer | null;
}

export type Trouble = "unreachable" | "refused" | "full" | "no_storage" | null;

export class Sitting {
  cards: HeldCard[] = $state.raw([]);
  leaving: Lying[] = $state.raw([]);
  deck: DeckState | null = $state.raw(null);
  trouble: Trouble = $state(null);
  problem = $state("");
  asking = $state(true);
  flag = $state(false);
  favourite = $state(false);
  feedback: Swipe[] = $state.raw([]);
  kept: Swipe | null = $state.raw(null);
  returned: "gold_shown" | "too_late" | null = $state(null);
  canUndo = $state(false);
  count = $state(0);
  ready = $state(false);
  /** Whether a card has been there whole. Until then the line belongs to the first card alone. */
  begun = $state(false);

  private readonly there = new Set<string>();
  private readonly unwritten = new Set<string>();
  private tab = "";
  private shown: string | null = null;
  private readyAt = 0;
  private hiddenAt = 0;
  private work: Promise<unknown> = Promise.resolve();
  private refilling = false;
  private failures = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly ends: (() => void)[] = [];

  readonly top = $derived(this.cards[0] ?? null);

  /** The cards whose pictures may load: the one on top, and those behind it once that one is there. */
  private readonly loading = $derived(this.begun ? this.cards : this.cards.slice(0, 1));

  /**
   * All cards on the screen, from the lowest to the highest. Each is there once, whether it lies below, lies on top or
   * flies away: so it keeps its decoded pictures, and nothing is drawn anew while somebody swipes.
   */
  readonly pile: readonly Lying[] = $derived([
    ...this.loading.map((card) => ({ card, answer: null })).reverse(),
    ...this.leaving.filter(({ card }) => !this.loading.some((each) => each.subject === card.subject)).reverse(),
  ]);

  constructor(
    readonly workflow: number,
    readonly project: string,
  ) {}

  /** Something has changed that may let a request through. */
  tryAgain(): void {
    this.failures = 0;
    void this.fill(this.cards.length === 0);
  }

  /** Begin: show what is on the phone, and ask for more. Returns a function that ends the sitting. */
  begin(): () => void {
    this.ends.push(listen((news) => this.hear(news)));
    const visible = () => this.seen(document.visibilityState === "visible");
    const online = () => this.tryAgain();
    document.addEventListener("visibilitychange", visible);
    addEventListener("online", online);
    this.ends.push(() => {
      clearTimeout(this.retry);
      document.removeEventListener("visibilitychange", visible);
      removeEventListener("online", online);
      void unclaim(this.workflow, this.tab);
    });
    void this.open();
    return () => this.ends.forEach((end) => end());
  }

  private async open(): Promise<void> {
    try {
      this.tab = await thisTab();
      this.deck = (await deckState(this.workflow)) ?? null;
      await this.claimCards();
      await this.lookBack();
      this.feedback = await untold(this.workflow);
    } catch {
      this.asking = false;
      this.trouble = "no_storage";
      return;
    }
    await this.fill();
  }

  /** The pictures of a card are there, be it on top yet or not. */
  pictureIsThere(subject: string): void {
    this.there.add(subject);
    this.lookAtTop();
  }

  pictureIsGone(subject: string): void {
    this.there.delete(subject);
    this.lookAtTop();
  }

  /** Time begins to count when a card is on top and its pictures are there. */
  private lookAtTop(): void {
    const subject = this.top?.subject ?? null;
    const ready = subject !== null && this.there.has(subject);
    if (subject !== this.shown || ready !== this.ready) this.readyAt = performance.now();
    if (subject !== this.shown) [this.flag, this.favourite] = [false, false];
    this.shown = subject;
    this.ready = ready;
    if (ready && !this.begun) {
      this.begun = true;
      this.lookAhead();
    }
  }

  /** Ask for pictures before they are wanted: those of the next cards at once, those of the whole deck after them. */
  private lookAhead(): void {
    if (!this.begun) return;
    fetchNext(this.cards);
    if (!sparing()) void held(this.workflow).then(fetchDeck);
  }

  private show(cards: HeldCard[]): void {
    const subjects = new Set(cards.map((card) => card.subject));
    this.leaving = this.leaving.filter(({ card }) => !subjects.has(card.subject));
    this.cards = cards;
    this.lookAtTop();
  }

  /** Whether an answer would be taken now. */
  get answerable(): boolean {
    return this.top !== null && this.ready && this.feedback.length === 0;
  }

  /** Answer the card on top. Does nothing where there is none, or where nobody can have looked at it yet. */
  answer(answer: Answer): boolean {
    const card = this.top;
    const dwell = performance.now() - this.readyAt;
    if (card === null || !this.answerable || dwell < LEAST_LOOK_MS) return false;
    const swipe = this.swipeOf(card, answer, Math.round(dwell));
    this.moveOn(card, answer);
    this.count += 1;
    this.canUndo = true;
    this.inTurn(() => this.keep(swipe));
    return true;
  }

  private moveOn(card: HeldCard, answer: Answer): void {
    this.unwritten.add(card.subject);
    this.show(this.cards.slice(1));
    this.leaving = [...this.leaving.slice(-1), { card, answer }];
    setTimeout(() => this.isAway(card), LEAVING_MS);
    this.kept = null;
  }

  /** A card has flown out of sight; one that was taken back meanwhile is still there, with its pictures. */
  private isAway(card: HeldCard): void {
    this.leaving = this.leaving.filter((each) => each.card !== card);
    if (!this.cards.some((each) => each.subject === card.subject)) this.there.delete(card.subject);
  }

  private swipeOf(card: HeldCard, answer: Answer, dwell_ms: number): Swipe {
    const now = Date.now();
    return {
      id: uuid7(now),
      workflow: this.workflow,
      project: this.project,
      subject: card.subject,
      card,
      answer,
      answered_at: moment(new Date(now)),
      dwell_ms,
      session: sittingWord(this.project, now),
      utc_offset_minutes: utcOffsetMinutes(),
      language: language.code,
      flag: this.flag,
      favourite: this.favourite,
      at: now,
      due: now + HOLD_MS,
      tried: false,
      state: "waiting",
      tab: this.tab,
    };
  }

  private async keep(swipe: Swipe): Promise<void> {
    try {
      const recorded = await record(swipe);
      if (this.trouble === "full") this.trouble = null;
      if (recorded) tell({ kind: "swiped", workflow: this.workflow, subject: swipe.subject, tab: this.tab });
    } catch {
      this.trouble = "full";
      this.unwritten.delete(swipe.subject);
      this.show([swipe.card, ...this.cards]);
      return;
    }
    this.unwritten.delete(swipe.subject);
    wake();
    await this.claimCards();
    if ((await left(this.workflow)) <= (this.deck?.nextAt ?? NEXT_AT)) void this.fill();
  }

  /** Take the last answer back, if it can still be taken back. */
  async undo(): Promise<Undone> {
    return this.inTurn(async () => {
      const last = await this.last();
      if (last === undefined) return "nothing";
      const outcome = await undo(last.id);
      if (outcome === "undone" || outcome === "retracting") {
        this.kept = null;
        this.count = Math.max(0, this.count - 1);
        await this.claimCards();
        [this.flag, this.favourite] = [last.flag, last.favourite];
        if (outcome === "retracting") tryNow();
      }
      await this.lookBack();
      return outcome;
    });
  }

  /** Go on without judging a card whose picture does not come: it is last in the deck now. */
  async skip(): Promise<void> {
    const card = this.top;
    if (card === null) return;
    await this.inTurn(async () => {
      await putLast(card);
      await this.claimCards();
    });
  }

  private async last(): Promise<Swipe | undefined> {
    const recent = await latest(10);
    return recent.find(
      (swipe) =>
        swipe.workflow === this.workflow && !swipe.undone && swipe.state !== "set_aside" && Date.now() - swipe.at < UNDO_MS,
    );
  }

  private async lookBack(): Promise<void> {
    this.canUndo = (await this.last()) !== undefined;
  }

  /** Do one thing after another: what is written depends on what was written before. */
  private inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.work.then(act);
    this.work = done.catch(() => undefined);
    return done;
  }

  private async claimCards(): Promise<void> {
    const claimed = await claim(this.workflow, this.tab, CLAIMED + this.unwritten.size);
    this.show(claimed.filter((card) => !this.unwritten.has(card.subject)).slice(0, CLAIMED));
    if (this.begun) fetchNext(this.cards);
  }

  /** Ask for another deck if there is need of one, unless that is under way, or somebody has just been told no. */
  async fill(force = false): Promise<void> {
    if (this.refilling || (!force && !this.rested)) {
      this.asking = this.refilling;
      return;
    }
    this.refilling = true;
    this.asking = true;
    clearTimeout(this.retry);
    try {
      await this.ask(force ? 0 : (this.deck?.nextAt ?? NEXT_AT));
      await this.claimCards();
    } finally {
      this.refilling = false;
      this.asking = false; // not before the cards are there: until then the page would look dry
    }
    this.lookAhead();
  }

  private async ask(enough: number): Promise<void> {
    try {
      this.deck = await refill(this.workflow, this.project, pixelsAcross(), enough);
      this.failures = 0;
      this.trouble = null;
    } catch (error) {
      this.stumble(error);
    }
  }

  /** An empty deck is not asked for again at once, and after a failure the retry is waited for. */
  private get rested(): boolean {
    return this.failures === 0 && (!this.deck?.reason || Date.now() - this.deck.at > ASK_AGAIN_MS);
  }

  private stumble(error: unknown): void {
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    this.trouble = error instanceof Unreachable ? "unreachable" : "refused";
    this.problem = error.message;
    this.failures += 1;
    const wanted = error instanceof Problem ? error.retryAfterMs : 0;
    const pause = pauseAfter(this.failures, FIRST_PAUSE_MS, wanted);
    this.retry = setTimeout(() => void this.fill(this.cards.length === 0), pause);
  }

  private hear(news: News): void {
    if (news.kind === "sent") this.hearVerdicts(news.swipes.filter((swipe) => swipe.workflow === this.workflow));
    if (news.kind === "network" && news.reachable && this.trouble === "unreachable") this.tryAgain();
    if (news.kind === "swiped" && news.workflow === this.workflow && news.tab !== this.tab) {
      if (this.cards.some((card) => card.subject === news.subject)) void this.inTurn(() => this.claimCards());
    }
    if (news.kind === "returned" && news.workflow === this.workflow) {
      this.returned = news.why ?? null;
      void this.inTurn(() => this.claimCards());
    }
  }

  private hearVerdicts(swipes: Swipe[]): void {
    const taught = swipes.filter((swipe) => swipe.verdict?.feedback && !swipe.undone && swipe.tab === this.tab);
    if (taught.length > 0) this.feedback = [...this.feedback, ...taught];
    const kept = swipes.findLast((swipe) => (swipe.verdict?.outcome ?? swipe.verdict?.verdict) === "kept" && !swipe.undone);
    if (kept) this.kept = kept;
    void this.lookBack();
  }

  /** The feedback on top has been read. */
  next(): void {
    const [read] = this.feedback;
    this.feedback = this.feedback.slice(1);
    this.readyAt = performance.now();
    if (read) void markTold(read.id);
  }

  /** Time with the page out of sight is no time of looking. */
  private seen(visible: boolean): void {
    if (!visible) this.hiddenAt = performance.now();
    else if (this.hiddenAt > 0) this.readyAt += performance.now() - Math.max(this.hiddenAt, this.readyAt);
  }
}
