"""The proof that what is stored follows from the votes: a ledger, weighed and decided again, bit for bit.

A ledger holds every entry that took an ordinal on its stage, with the volunteer's gold counts at that moment. `check`
weighs and decides them anew in the order of their ordinals and names every stored number that comes out otherwise.
`skill_history` rebuilds the gold counts from the gold answers themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cascade.decision import ENTRY, Decisions, decide
from cascade.drift import Records, learn_in_order
from cascade.skill import weigh
from cascade.standing import STANDING, Integers, Mask, Rows, Tally, log_odds, row_of
from cascade.vocabulary import NO_ANSWER, EntryKind, StageState

LABEL: Final = row_of("stage answer reason log_odds votes")
"""What is on record of a stage's retirement: log-odds in micro-nats and counted votes at that moment."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is stored of n stages and m entries, in any order.

    Attributes
    ----------
    standings, rules, labels
        The stages as they are now, the workflows' rules, and one `LABEL` for each retirement.
    stage, rule, kind, answer, flag
        What went into each entry, of shape (m,); `stage` and `rule` are indices.
    takes_back
        For a vote taken back the index of the entry that gave it, and -1 for a vote.
    counts
        The volunteer's gold counts when they voted, of shape (m, 2, 3); not read for a vote taken back.
    ordinal, bucket, if_yes, if_no
        What came out for each entry, of shape (m,).
    """

    standings: Rows
    rules: Rows
    labels: Rows
    stage: Integers
    rule: Integers
    kind: Integers
    answer: Integers
    flag: Integers
    takes_back: Integers
    counts: Integers
    ordinal: Integers
    bucket: Integers
    if_yes: Integers
    if_no: Integers


Kind = Literal["entry", "stage", "label"]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A stored number that does not follow: of an entry, a stage or the label of a stage, by index.

    `stored` or `replayed` is `None` where only one of the two exists: a label without a retirement, say.
    """

    of: Kind
    index: int
    field: str
    stored: int | None
    replayed: int | None


def check(ledger: Ledger) -> list[Discrepancy]:
    """Return every stored number that the replay does not give; an empty list is the proof.

    Each stage begins with the prior and the draw that it is stored with, and without votes. A vote taken back must name
    an earlier vote on its stage, no vote is taken back twice, and its answer, flag and bucket are that vote's.
    """
    order = np.lexsort((ledger.ordinal, ledger.stage))
    entries = _entries(ledger)[order]
    begun = _begun(ledger.standings)
    decided = decide(begun, entries, ledger.rules)
    until = entries[decided.ordinal <= decided.standings["decided_ordinal"][entries["stage"]]]
    labels = _labels(decide(begun, until, ledger.rules).standings)
    return [
        *_unpaired(ledger),
        *_in_entries(ledger, decided, order),
        *_in_standings(ledger.standings, decided.standings),
        *_in_labels(ledger.labels, labels),
    ]


@dataclass(frozen=True, slots=True)
class SkillHistory:
    """The gold answers of all volunteers in order, with what had been learnt after each.

    Attributes
    ----------
    skill, revision
        Of each gold answer, sorted by both, of shape (n,).
    records
        After each answer, and last a blank one: n + 1.
    """

    skill: Integers
    revision: Integers
    records: Records

    def at(self, skill: Integers, revision: Integers) -> Records:
        """Return the record of each skill at a revision, that answer included; before revision 1 it is blank."""
        asked = np.repeat([False, True], [len(self.skill), len(skill)])
        merged = np.lexsort((asked, np.append(self.revision, revision), np.append(self.skill, skill)))
        gold_so_far = np.cumsum(~asked[merged])
        ends = np.empty(len(skill), dtype=np.int64)
        ends[merged[asked[merged]] - len(self.skill)] = gold_so_far[asked[merged]]
        known = ends > np.searchsorted(self.skill, skill)
        return self.records.take(np.where(known, ends - 1, -1))


def skill_history(
    skill: Integers, revision: Integers, truth: Integers, answer: Integers, watched: Mask | None = None
) -> SkillHistory:
    """Return the history of skills from gold answers in any order, each of shape (n,).

    `skill` is any number that stands for one person in one workflow; `revision` counts its gold answers from 1. Answers
    that are not `watched` for drops (see `cascade.drift`) were stored before this was done: they are only counted, and
    those stored together may share their last revision.
    """
    order = np.lexsort((answer, truth, revision, skill))
    names, volunteer = np.unique(skill[order], return_inverse=True)
    begun, watching = Records.blank(len(names)), None if watched is None else watched[order]
    after = learn_in_order(begun, volunteer.astype(np.int64), truth[order], answer[order], watching)
    return SkillHistory(skill[order], revision[order], after.followed_by(Records.blank(1)))


def _source(ledger: Ledger) -> Integers:
    """Return the vote that each entry is about: itself, or the one that it takes back."""
    back = (ledger.kind == EntryKind.RETRACTION) & (ledger.takes_back >= 0)
    return np.where(back, ledger.takes_back, np.arange(len(ledger.stage)))


def _entries(ledger: Ledger) -> Rows:
    """Weigh the votes of a ledger again."""
    source = _source(ledger)
    entries = np.zeros(len(source), dtype=ENTRY)
    entries["stage"], entries["rule"], entries["kind"] = ledger.stage, ledger.rule, ledger.kind
    entries["answer"], entries["flag"], entries["bucket"] = (
        stored[source] for stored in (ledger.answer, ledger.flag, ledger.bucket)
    )
    entries["if_yes"], entries["if_no"], entries["proven"] = weigh(ledger.counts[source], ledger.answer[source])
    return entries


def _begun(standings: Rows) -> Rows:
    """Return the standings as they were before any vote."""
    begun = np.zeros(len(standings), dtype=STANDING)
    begun["answer"] = NO_ANSWER
    for name in ("prior", "machine", "draw"):
        begun[name] = standings[name]
    return begun


def _labels(standings: Rows) -> Rows:
    """Return the label of each stage that is retired."""
    retired = np.flatnonzero(standings["state"] == StageState.RETIRED)
    labels = np.empty(len(retired), dtype=LABEL)
    labels["stage"] = retired
    labels["answer"], labels["reason"] = standings["answer"][retired], standings["reason"][retired]
    labels["log_odds"] = log_odds(standings)[retired]
    labels["votes"] = Tally.of(standings).counted[retired]
    return labels


def _unpaired(ledger: Ledger) -> Iterator[Discrepancy]:
    """Yield the entries that take back what they cannot."""
    source = _source(ledger)
    back = np.flatnonzero(ledger.kind == EntryKind.RETRACTION)
    vote = source[back]
    sound = (ledger.takes_back[back] >= 0) & (ledger.kind[vote] == EntryKind.VOTE)
    sound &= (ledger.stage[vote] == ledger.stage[back]) & (ledger.ordinal[vote] < ledger.ordinal[back])
    sound[np.setdiff1d(np.arange(len(back)), np.unique(vote, return_index=True)[1])] = False
    for entry in back[~sound].tolist():
        yield Discrepancy("entry", entry, "takes_back", int(ledger.takes_back[entry]), None)
    for name, stored in (("answer", ledger.answer), ("flag", ledger.flag)):
        yield from _different("entry", name, stored, stored[source])


def _in_entries(ledger: Ledger, decided: Decisions, order: Integers) -> Iterator[Discrepancy]:
    """Compare what came out for each entry; the replay's entries are in the given order."""
    for name in ("ordinal", "bucket", "if_yes", "if_no"):
        replayed = np.empty(len(order), dtype=np.int64)
        replayed[order] = getattr(decided, name)
        yield from _different("entry", name, getattr(ledger, name), replayed)


def _in_standings(stored: Rows, replayed: Rows) -> Iterator[Discrepancy]:
    for name in STANDING.names or ():
        yield from _different("stage", name, stored[name], replayed[name])


def _in_labels(stored: Rows, replayed: Rows) -> Iterator[Discrepancy]:
    """Compare the labels of stages that have one on both sides, and name the stages that have one on one side only."""
    for alone in np.setdiff1d(stored["stage"], replayed["stage"]).tolist():
        yield Discrepancy("label", alone, "stage", alone, None)
    for alone in np.setdiff1d(replayed["stage"], stored["stage"]).tolist():
        yield Discrepancy("label", alone, "stage", None, alone)
    stages, ours, theirs = np.intersect1d(stored["stage"], replayed["stage"], return_indices=True)
    for name in ("answer", "reason", "log_odds", "votes"):
        yield from _different("label", name, stored[name][ours], replayed[name][theirs], stages)


def _different(
    of: Kind, field: str, stored: Integers, replayed: Integers, index: Integers | None = None
) -> Iterator[Discrepancy]:
    for place in np.flatnonzero(stored != replayed).tolist():
        number = place if index is None else int(index[place])
        yield Discrepancy(of, number, field, int(stored[place]), int(replayed[place]))
