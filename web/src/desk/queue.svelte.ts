/** The queue of candidates on the page: what is shown, chosen and decided. */

import { outcomeOf } from "./outcomes";
import type { Candidate, Decided, Desk, Person } from "./service.svelte";

const PAGE = 20;
const EXAMPLES = 6;

export type Shown = "due" | "deferred" | "all";

/** A candidate's card. */
export class Item {
  chosen = $state(false);
  open = $state(false);
  busy = $state(false);
  /** What was decided, once it was: the card has no more buttons then. */
  decided: Decided | null = $state.raw(null);
  said = $state("");
  person: Person | null = $state.raw(null);

  constructor(readonly candidate: Candidate) {}

  get key(): string {
    return `${this.candidate.volunteer} ${this.candidate.level}`;
  }
}

export class Queue {
  items: Item[] = $state.raw([]);
  loaded = $state(false);
  show: Shown = $state("due");
  level = $state(0);
  /** What was said last, for those who listen. */
  said = $state("");
  private cursor: number | null = $state(null);

  readonly open = $derived(this.items.filter((each) => each.decided === null));
  readonly chosen = $derived(this.open.filter((each) => each.chosen));

  constructor(private readonly desk: Desk) {}

  get complete(): boolean {
    return this.cursor === null;
  }

  async load(): Promise<void> {
    this.cursor = null;
    await this.read([]);
  }

  async more(): Promise<void> {
    await this.read(this.items);
  }

  private async read(before: Item[]): Promise<void> {
    const query = { show: this.show, level: this.level, limit: PAGE, after: this.cursor ?? 0 };
    const found = await this.desk.candidates(query);
    if (found === null) return;
    const there = new Set(before.map((each) => each.key));
    this.items = [...before, ...found.candidates.map((each) => new Item(each)).filter((each) => !there.has(each.key))];
    this.cursor = found.cursor;
    this.loaded = true;
  }

  /** Show the examples and earlier entries of a card, which are asked for when it opens for the first time. */
  async toggle(item: Item, open = !item.open): Promise<void> {
    item.open = open;
    if (open) item.person ??= await this.desk.person(item.candidate.volunteer, EXAMPLES);
  }

  chooseAll(chosen: boolean): void {
    for (const each of this.open) each.chosen = chosen;
  }

  /** Confirm with one tap. */
  async confirm(item: Item): Promise<boolean> {
    if (item.busy || item.decided) return false;
    item.busy = true;
    const { volunteer, level } = item.candidate;
    const bare = { why: null, until: null, probation_days: 0, deferred_until: null };
    const decided = await this.desk.decide([{ volunteer, level, action: "confirm", ...bare }]);
    item.busy = false;
    item.said = this.desk.wrong;
    if (decided === null) return false;
    this.settle(decided);
    return true;
  }

  /** Show on the cards what became of decisions. */
  settle(decided: Decided[], until = ""): void {
    for (const each of decided) {
      const item = this.open.find(({ candidate }) => candidate.volunteer === each.volunteer && candidate.level === each.level);
      if (!item) continue;
      item.said = outcomeOf(each, until);
      item.chosen = false;
      if (!isOver(each)) continue;
      item.open = false;
      item.decided = each;
    }
    this.said = decided.length === 1 ? outcomeOf(decided[0]!, until) : "";
    void this.desk.candidates({ limit: 1 });
  }

  /** The next card that waits for a decision after one, or before it where there is none. */
  next(item: Item): Item | undefined {
    const at = this.items.indexOf(item);
    const waits = (each: Item) => each.decided === null;
    return this.items.slice(at + 1).find(waits) ?? this.items.slice(0, at).findLast(waits);
  }
}

/** Whether there is nothing more to decide: it was done, or somebody else has done it. */
function isOver({ outcome, reason }: Decided): boolean {
  return outcome !== "conflict" || reason === "decided_otherwise" || reason === "not_a_candidate";
}
