/** What is known of a project: its questions, its pages, and how far it is; from the phone first, then anew. */

import { look } from "../store/replies";
import { moment, utcOffsetMinutes } from "./clock";
import { Problem, type Unreachable } from "./http";
import { remember, remembered } from "./remembering";
import type { Answer, Entry, Mine, Pages, Progress, Project, Workflow } from "./types";

/** The date of today where this device is, as the contract writes days. */
function localDay(): string {
  return moment().slice(0, 10);
}

export class Campaign {
  project: Project | null = $state.raw(null);
  pages: Pages | null = $state.raw(null);
  progress: Progress | null = $state.raw(null);
  mine: Mine | null = $state.raw(null);
  /** The levels between which somebody has risen since this phone last heard of it. */
  risen: { from: number; to: number } | null = $state.raw(null);
  missing = $state(false);
  unreachable = $state(false);

  constructor(readonly slug: string) {}

  private get path(): string {
    return `/v1/projects/${this.slug}`;
  }

  private readonly fail = (why: Problem | Unreachable, shown: boolean) => {
    if (why instanceof Problem && why.status === 404) this.missing = true;
    else if (!shown) this.unreachable = true;
  };

  async lookAtProject(): Promise<void> {
    this.unreachable = false;
    await look<Project>(this.path, (reply) => (this.project = reply), this.fail);
  }

  async lookAtPages(): Promise<void> {
    await look<Pages>(`${this.path}/pages`, (reply) => (this.pages = reply), this.fail, { freshMs: 60_000 });
  }

  async lookAtProgress(): Promise<void> {
    await look<Progress>(`${this.path}/progress`, (reply) => (this.progress = reply));
  }

  async lookAtMine(): Promise<void> {
    const path = `/v1/me/projects/${this.slug}?utc_offset_minutes=${utcOffsetMinutes()}`;
    await look<Mine>(path, (reply) => this.hear(reply), this.fail, { personal: true });
  }

  private hear(mine: Mine): void {
    this.mine = mine;
    const key = `chaffinch level ${this.slug}`;
    const known = Number(remembered("localStorage", key) ?? mine.level);
    if (mine.level > known) this.risen = { from: known, to: mine.level };
    remember("localStorage", key, String(mine.level));
  }

  /** Answers of today, as the service had them when it was last asked. */
  get today(): number {
    const last = this.mine?.days.at(-1);
    return last?.day === localDay() ? last.votes : 0;
  }

  get level(): number {
    return this.mine?.level ?? 1;
  }

  /** The questions that are asked now, in the order of the cascade. */
  get questions(): Workflow[] {
    return this.project?.workflows.filter((each) => each.state === "active") ?? [];
  }

  /** Those of them that this volunteer may answer. */
  get mineToAnswer(): Workflow[] {
    return this.questions.filter((each) => each.level <= this.level);
  }

  workflow(id: number): Workflow | undefined {
    return this.project?.workflows.find((each) => each.id === id);
  }

  /** The entry of the field guide that shows what an answer looks like. */
  example(workflow: string | undefined, answer: Answer): Entry | undefined {
    return this.pages?.guide.find((each) => each.example?.workflow === workflow && each.example?.answer === answer);
  }
}
