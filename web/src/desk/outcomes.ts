/** What became of a decision, in a sentence. */

import type { Decided } from "./service.svelte";
import { apart, called, moment, words } from "./words.svelte";

export function outcomeOf(decided: Decided, until = ""): string {
  const { action, level, outcome, reason, entry } = decided;
  const who = apart(decided.name ?? decided.volunteer);
  if (outcome === "ok") return words.it.decided[action](who, words.it.levelOf(level), until);
  if (entry && reason === "decided_otherwise") {
    const by = entry.by ? called(entry.by) : words.it.authorities[entry.made_by];
    return words.it.quicker(by, words.it.actions[entry.action], moment(entry.at));
  }
  return reason ? words.it.reasons[reason] : (decided.detail ?? "");
}
