/** What the desk asks of the service, as the one who is signed in, and what goes wrong with it. */

import type { components } from "../contract";
import { ask, Problem, Unreachable } from "../lib/http";
import { language } from "../lib/language.svelte";
import { pixelsAcross } from "../lib/settings.svelte";
import { token } from "../store/volunteer";

type Models = components["schemas"];
export type Candidate = Models["CandidateOut"];
export type Candidates = Models["CandidatesOut"];
export type Decision = Models["DecisionIn"];
export type Decided = Models["DecisionOut"];
export type Act = Decision["action"];
export type Brief = Models["EntryBriefOut"];
export type Entry = Models["LedgerEntryOut"];
export type Evidence = Models["LevelEvidenceOut"];
export type Example = Models["GoldExampleOut"];
export type Ledger = Models["PromotionsOut"];
export type Note = Models["NoteOut"];
export type People = Models["PeopleOut"];
export type Person = Models["PersonDetailOut"];
export type PersonBrief = Models["PersonBriefOut"];
export type PersonRef = Models["PersonRefOut"];
export type Report = Models["ReportOut"];
export type Reports = Models["ReportsOut"];
export type Side = Models["SideOut"];

/** Why the desk shows nothing: nobody is signed in who may see it, there is no such project, or no reply. */
export type Trouble = "closed" | "missing" | "unreachable";

interface Ban {
  why: string;
  until: string | null;
  exclude_votes: boolean;
}

type Query = Record<string, string | number>;

export class Desk {
  trouble: Trouble | null = $state(null);
  /** What the service said against something that was asked of it. */
  said = $state("");
  waiting: number | null = $state(null);
  openReports: number | null = $state(null);

  constructor(readonly slug: string) {}

  /** Why the last thing that was asked has not happened, for whoever asked it. */
  get wrong(): string {
    return this.said || (this.trouble === "unreachable" ? language.it.noReply : "");
  }

  /** How much there is to do, as far as the page does not ask for it anyway. */
  async count(view: string | undefined): Promise<void> {
    const one = { limit: 1 };
    await Promise.all([view === undefined || this.candidates(one), view === "reports" || this.reports(one)]);
  }

  async candidates(query: Query): Promise<Candidates | null> {
    const found = await this.get<Candidates>("/candidates", query);
    if (found) this.waiting = found.waiting;
    return found;
  }

  people(query: Query): Promise<People | null> {
    return this.get<People>("/people", query);
  }

  person(volunteer: string, examples: number): Promise<Person | null> {
    return this.get<Person>(`/people/${volunteer}`, { width: Math.min(pixelsAcross(), 480), examples });
  }

  ledger(query: Query): Promise<Ledger | null> {
    return this.get<Ledger>("/promotions", query);
  }

  async reports(query: Query): Promise<Reports | null> {
    const found = await this.get<Reports>("/reports", query);
    if (found) this.openReports = found.open;
    return found;
  }

  /** Decide, or see what that would change. */
  async decide(decisions: Decision[], preview = false): Promise<Decided[] | null> {
    const body = { decisions, preview };
    return (await this.send<Models["DecisionsOut"]>("POST", "/promotions", body))?.decisions ?? null;
  }

  note(volunteer: string, body: string): Promise<Note | null> {
    return this.send<Note>("POST", `/people/${volunteer}/notes`, { body });
  }

  ban(volunteer: string, ban: Ban): Promise<unknown> {
    return this.send("POST", `/people/${volunteer}/ban`, ban);
  }

  lift(volunteer: string, why: string): Promise<unknown> {
    return this.send("DELETE", `/people/${volunteer}/ban${asQuery({ why })}`);
  }

  closeReport(report: number, outcome: string): Promise<Report | null> {
    return this.try(async (bearer) => ask<Report>(`/v1/reports/${report}`, { method: "PUT", token: bearer, body: { outcome } }));
  }

  private get<Reply>(path: string, query: Query): Promise<Reply | null> {
    return this.try((bearer) => ask<Reply>(`/v1/projects/${this.slug}${path}${asQuery(query)}`, { token: bearer }));
  }

  private send<Reply>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<Reply | null> {
    return this.try((bearer) => ask<Reply>(`/v1/projects/${this.slug}${path}`, { method, token: bearer, body }));
  }

  /** Ask as the one who is signed in; null where that failed, and the reason is kept for the page to show. */
  private async try<Reply>(act: (bearer: string) => Promise<Reply>): Promise<Reply | null> {
    this.said = "";
    try {
      const bearer = await token();
      if (bearer === null) throw new Problem(401, {}, 0);
      const reply = await act(bearer);
      this.trouble = null;
      return reply;
    } catch (error) {
      this.stumble(error);
      return null;
    }
  }

  private stumble(error: unknown): void {
    if (error instanceof Unreachable) this.trouble = "unreachable";
    else if (!(error instanceof Problem)) throw error;
    else if (error.status === 401 || error.status === 403) this.trouble = "closed";
    else if (error.status === 404 && this.waiting === null) this.trouble = "missing";
    else this.said = error.message;
  }
}

function asQuery(query: Query): string {
  const wanted = Object.entries(query).filter(([, value]) => value !== "" && value !== 0);
  const words = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)])).toString();
  return words && `?${words}`;
}
