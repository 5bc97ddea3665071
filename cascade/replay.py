"""The proof that what is stored follows from the votes: a ledger, weighed and decided again, bit for bit.

A ledger holds every entry that took an ordinal on its stage, with what was known of the volunteer at that moment, and
every weighing anew (see `cascade.rescoring`), which took an ordinal too. `check` weighs and decides them again in the
order of their ordinals and names every stored number that comes out otherwise.
`skill_history` rebuilds the gold counts from the gold answers themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cascade.decision import ENTRY, decide
from cascade.drift import Records, learn_in_order
from cascade.rescoring import VOICE, reweigh, weigh_anew
from cascade.skill import weigh
from cascade.standing import STANDING, Integers, Mask, Rows, Tally, log_odds_by, row_of
from cascade.vocabulary import NO_ANSWER, Bucket, EntryKind, StageState

LABEL: Final = row_of("stage answer reason log_odds votes")
"""What is on record of a stage's retirement: log-odds in micro-nats and counted votes at that moment."""

RESCORE: Final = row_of(
    "stage rule ordinal calibration prior_before machine_before prior machine if_yes if_no unproven log_odds votes"
    " flagged"
)
"""A weighing anew: what it found, the prior and machine that it was given, and the sums that it left behind."""

_FOLLOWS: Final = tuple(
    name for name in RESCORE.names or () if name not in {"stage", "rule", "calibration", "prior", "machine"}
)
"""What of a `RESCORE` follows from the rest."""

_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Fits:
    """What calibrations made of volunteers, sorted by skill and calibration.

    `skill` is any number that stands for one person in one workflow, (f,); `counts` (gold) and `batch` (hundredths) are
    (f, 2, 3). A row holds until the skill's next one.
    """

    skill: Integers
    calibration: Integers
    counts: Integers
    batch: Integers

    def at(self, skill: Integers, calibration: Integers) -> tuple[Mask, Integers, Integers]:
        """Return whether each skill is known to a calibration, and its counts and batch, zeros where it is not."""
        starts, ends = _until(self.skill, self.calibration, skill, calibration)
        known: Mask = ends > starts
        blank = np.zeros((1, 2, 3), dtype=np.int64)
        place = np.where(known, ends - 1, -1)
        return known, np.concatenate([self.counts, blank])[place], np.concatenate([self.batch, blank])[place]


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
    skill
        A number that stands for the volunteer in the workflow, of shape (m,).
    counts, batch, prior
        The volunteer's gold counts when they voted, and the hundredths of the calibration then in force, each of shape
        (m, 2, 3); not read for a vote taken back.
    ordinal, bucket, if_yes, if_no
        What came out for each entry, of shape (m,).
    rescores, rescore_prior, fits
        Every weighing anew, one `RESCORE` of shape (k,), the hundredths that volunteers start with by its calibration,
        of shape (k, 2, 3), and what the calibrations made of volunteers.
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
    skill: Integers
    counts: Integers
    batch: Integers
    prior: Integers
    ordinal: Integers
    bucket: Integers
    if_yes: Integers
    if_no: Integers
    rescores: Rows
    rescore_prior: Integers
    fits: Fits


Kind = Literal["entry", "rescore", "stage", "label"]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A stored number that does not follow: of an entry, a rescore, a stage or the label of a stage, by index.

    `stored` or `replayed` is `None` where only one of the two exists: a label without a retirement, say.
    """

    of: Kind
    index: int
    field: str
    stored: int | None
    replayed: int | None


def check(ledger: Ledger) -> list[Discrepancy]:
    """Return every stored number that the replay does not give; an empty list is the proof.

    Each stage begins with the draw and the prior that it is stored with, or that its first rescore found, and without
    votes. A vote taken back must name an earlier vote on its stage, no vote is taken back twice, and its answer, flag
    and bucket are that vote's. The priors that rescores gave are taken as they are: they come from scores and metadata.
    """
    lived = _Life(ledger)
    lived.run(np.full(len(ledger.standings), _NEVER))
    until_decided = _Life(ledger)
    until_decided.run(lived.standings["decided_ordinal"])
    return [
        *_unpaired(ledger),
        *_in_entries(ledger, lived),
        *_in_rescores(ledger, lived),
        *_in_standings(ledger.standings, lived.standings),
        *_in_labels(ledger.labels, _labels(until_decided.standings, ledger.rules, until_decided.rule)),
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
        starts, ends = _until(self.skill, self.revision, skill, revision)
        return self.records.take(np.where(ends > starts, ends - 1, -1))


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


class _Life:
    """A ledger on its way through the engine.

    Stages do not touch each other, so it goes in turns: the entries of every stage before its first weighing anew, then
    these; the entries before the second, and so on.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._source = _source(ledger)
        self._now = _entries(ledger, self._source)
        self._order = np.lexsort((ledger.ordinal, ledger.stage))
        self.due_order = np.lexsort((ledger.rescores["ordinal"], ledger.rescores["stage"]))
        self._due = ledger.rescores[self.due_order]
        self._due_prior = ledger.rescore_prior[self.due_order]
        self._taken_back = _taken_back(ledger, self._source)
        self.standings = _begun(ledger.standings, self._due)
        self.rescored = self._due.copy()
        self.rule = np.zeros(len(ledger.standings), dtype=np.int64)
        """The rule by which each stage was last judged."""
        self.bucket, self.ordinal, self.if_yes, self.if_no = np.zeros((4, len(ledger.stage)), dtype=np.int64)

    def run(self, until: Integers) -> None:
        """Live through all that happened up to an ordinal of each stage, of shape (n,)."""
        due, ledger = self._due, self._ledger
        starts, ends = _until(due["stage"], due["ordinal"], ledger.stage, ledger.ordinal)
        turn = np.where(ledger.ordinal <= until[ledger.stage], ends - starts, -1)
        due_turn = np.arange(len(due)) - np.searchsorted(due["stage"], due["stage"])
        due_turn[due["ordinal"] > until[due["stage"]]] = -1
        for number in range(max(turn.max(initial=0), due_turn.max(initial=0)) + 1):
            entries = self._order[turn[self._order] == number]
            if len(entries):
                self._decide(entries)
            rescores = np.flatnonzero(due_turn == number)
            if len(rescores):
                self._rescore(rescores)

    def _decide(self, places: Integers) -> None:
        """Let entries, in the order of their ordinals, happen to their stages."""
        entries, source = self._now[places], self._source[places]
        for name in ("if_yes", "if_no", "proven", "bucket", "rule"):
            entries[name] = self._now[name][source]
        self.rule[entries["stage"]] = entries["rule"]
        stages, entries["stage"] = np.unique(entries["stage"], return_inverse=True)
        decided = decide(self.standings[stages], entries, self._ledger.rules)
        self.standings[stages] = decided.standings
        for name in ("bucket", "ordinal", "if_yes", "if_no"):
            getattr(self, name)[places] = getattr(decided, name)
        self._now["bucket"][places] = decided.bucket

    def _rescore(self, places: Integers) -> None:
        """Weigh stages anew, each at most once."""
        due, ledger = self._due[places], self._ledger
        votes, stage = self._counting(due)
        known = ledger.fits.at(ledger.skill[votes], due["calibration"][stage])
        anew = weigh_anew(self._voices(votes, stage), *known, self._due_prior[places][stage])
        before = self.standings[due["stage"]]
        done = reweigh(before, ledger.rules[due["rule"]], due["prior"], due["machine"], anew)
        self.standings[due["stage"]], self.rule[due["stage"]] = done.standings, due["rule"]
        self._keep(votes, anew, before["state"][stage] <= StageState.CONTESTED)
        rows = due.copy()
        rows["ordinal"], rows["flagged"] = done.standings["ordinal"], done.flagged
        rows["prior_before"], rows["machine_before"] = before["prior"], before["machine"]
        rows["log_odds"], rows["votes"] = done.log_odds, done.votes
        for name in ("if_yes", "if_no", "unproven"):
            rows[name] = done.weighed[name]
        self.rescored[places] = rows

    def _counting(self, due: Rows) -> tuple[Integers, Integers]:
        """Return the votes that count on stages when these are weighed anew, and the place of each one's stage."""
        ledger = self._ledger
        stage = np.minimum(np.searchsorted(due["stage"], ledger.stage), len(due) - 1)
        moment = due["ordinal"][stage]
        counting = (due["stage"][stage] == ledger.stage) & (ledger.kind == EntryKind.VOTE)
        counting &= (ledger.ordinal < moment) & (self._taken_back > moment)
        counting &= np.isin(self._now["bucket"], (int(Bucket.PROVEN), int(Bucket.UNPROVEN)))
        votes = np.flatnonzero(counting)
        return votes, stage[votes]

    def _voices(self, votes: Integers, stage: Integers) -> Rows:
        voices = np.zeros(len(votes), dtype=VOICE)
        voices["stage"] = stage
        for name in ("answer", "if_yes", "if_no"):
            voices[name] = self._now[name][votes]
        voices["proven"] = self._now["bucket"][votes] == Bucket.PROVEN
        return voices

    def _keep(self, votes: Integers, anew: Rows, undecided: Mask) -> None:
        """Let the votes on undecided stages weigh what they weigh anew."""
        kept, chosen = votes[undecided], anew[undecided]
        for name in ("if_yes", "if_no", "proven"):
            self._now[name][kept] = chosen[name]
        self._now["bucket"][kept] = np.where(chosen["proven"] != 0, int(Bucket.PROVEN), int(Bucket.UNPROVEN))


def _until(keys: Integers, moments: Integers, key: Integers, moment: Integers) -> tuple[Integers, Integers]:
    """Return, for each key asked for, where its rows begin, and where those up to its moment end.

    The rows are sorted by `keys`, and those of a key by `moments`.
    """
    asked = np.repeat([False, True], [len(keys), len(key)])
    merged = np.lexsort((asked, np.append(moments, moment), np.append(keys, key)))
    so_far = np.cumsum(~asked[merged])
    ends = np.empty(len(key), dtype=np.int64)
    ends[merged[asked[merged]] - len(keys)] = so_far[asked[merged]]
    return np.searchsorted(keys, key), ends


def _taken_back(ledger: Ledger, source: Integers) -> Integers:
    """Return the ordinal at which each vote was taken back."""
    when = np.full(len(source), _NEVER)
    back = np.flatnonzero((ledger.kind == EntryKind.RETRACTION) & (source != np.arange(len(source))))
    when[source[back]] = ledger.ordinal[back]
    return when


def _source(ledger: Ledger) -> Integers:
    """Return the vote that each entry is about: itself, or the one that it takes back."""
    back = (ledger.kind == EntryKind.RETRACTION) & (ledger.takes_back >= 0)
    return np.where(back, ledger.takes_back, np.arange(len(ledger.stage)))


def _entries(ledger: Ledger, source: Integers) -> Rows:
    """Weigh the votes of a ledger again, each as at its moment."""
    entries = np.zeros(len(source), dtype=ENTRY)
    entries["stage"], entries["rule"], entries["kind"] = ledger.stage, ledger.rule, ledger.kind
    entries["answer"], entries["flag"], entries["bucket"] = (
        stored[source] for stored in (ledger.answer, ledger.flag, ledger.bucket)
    )
    entries["if_yes"], entries["if_no"], entries["proven"] = weigh(
        ledger.counts[source], ledger.answer[source], ledger.batch[source], ledger.prior[source]
    )
    return entries


def _begun(standings: Rows, rescores: Rows) -> Rows:
    """Return the standings as they were before any vote; the first rescore of a stage knows what it began with."""
    begun = np.zeros(len(standings), dtype=STANDING)
    begun["answer"] = NO_ANSWER
    for name in ("prior", "machine", "draw"):
        begun[name] = standings[name]
    stage, first = np.unique(rescores["stage"], return_index=True)
    begun["prior"][stage] = rescores["prior_before"][first]
    begun["machine"][stage] = rescores["machine_before"][first]
    return begun


def _labels(standings: Rows, rules: Rows, rule: Integers) -> Rows:
    """Return the label of each stage that is retired, each by its rule; the others may have none."""
    retired = np.flatnonzero(standings["state"] == StageState.RETIRED)
    labels = np.empty(len(retired), dtype=LABEL)
    labels["stage"] = retired
    labels["answer"], labels["reason"] = standings["answer"][retired], standings["reason"][retired]
    labels["log_odds"] = log_odds_by(standings[retired], rules[rule[retired]])
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


def _in_entries(ledger: Ledger, lived: _Life) -> Iterator[Discrepancy]:
    for name in ("ordinal", "bucket", "if_yes", "if_no"):
        yield from _different("entry", name, getattr(ledger, name), getattr(lived, name))


def _in_rescores(ledger: Ledger, lived: _Life) -> Iterator[Discrepancy]:
    stored = ledger.rescores[lived.due_order]
    for name in _FOLLOWS:
        yield from _different("rescore", name, stored[name], lived.rescored[name], lived.due_order)


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
