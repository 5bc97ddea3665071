"""A project's ledger as the arrays that the engine replays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from api.services.published import Published, calibration_of
from api.services.skill_lines import SkillLines
from api.store import ledger as stored
from api.store.calibrations import CalibrationValues
from cascade.calibration import UNCALIBRATED, Calibration
from cascade.drift import trusted
from cascade.replay import LABEL, RESCORE, Fits, Ledger, SkillHistory
from cascade.standing import RULE, STANDING, Integers, Rows, rules_of
from cascade.vocabulary import EntryKind

StageKey = tuple[int, int]
"""A workflow and a subject, or a person and a workflow."""

RuleKey = tuple[int, int, int]
"""A version, a workflow and a calibration."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What refits have learnt, up to which gold answer of each (person, workflow) nobody watched, and merges."""

    fits: Sequence[stored.Fit]
    unwatched: Mapping[StageKey, int]
    calibrations: Sequence[CalibrationValues]
    merges: Sequence[stored.SkillMerge] = ()


@dataclass(frozen=True)
class LedgerArrays:
    """What is stored of a project: stages, with all that has an ordinal on one of them, and entries about gold.

    `stages` are workflow, subject and the fields of the standing.
    """

    stages: Sequence[tuple[int, ...]]
    votes: Sequence[stored.Entry]
    gold: Sequence[stored.Entry]
    labels: Sequence[stored.FirstLabel]
    rescores: Sequence[stored.Rescore]
    learnt: Learnt
    versions: Mapping[int, Published]

    def ledger(self) -> Ledger:
        """Return what the engine checks."""
        votes, place = self.votes, self._place
        given = {(e.person_id, e.client_id): n for n, e in enumerate(votes) if e.kind == EntryKind.VOTE}
        skill, calibration = self._skills_of(votes), _column(e.calibration for e in votes)
        revisions = [e.skill_revision for e in votes]
        records = self._history.at(self._lines_of(votes, revisions), _column(revisions))
        _, _, batch = self._fits.at(skill, calibration)
        return Ledger(
            standings=np.array([row[2:] for row in self.stages], dtype=STANDING),
            rules=self._rules[0],
            labels=np.array([self._label(each) for each in self.labels], dtype=LABEL),
            stage=_column(place[e.workflow_id, e.subject_id] for e in votes),
            rule=_column(self._rule(e) for e in votes),
            kind=_column(e.kind for e in votes),
            answer=_column(e.answer for e in votes),
            flag=_column(e.flag for e in votes),
            takes_back=_column(
                given.get((e.person_id, e.client_id), -1) if e.kind == EntryKind.RETRACTION else -1 for e in votes
            ),
            skill=skill,
            counts=records.counts,
            batch=trusted(batch, records.drops),
            prior=self._priors(votes),
            ordinal=_column(e.ordinal for e in votes),
            bucket=_column(e.bucket for e in votes),
            if_yes=_column(e.if_yes for e in votes),
            if_no=_column(e.if_no for e in votes),
            rescores=np.array([self._rescore(each) for each in self.rescores], dtype=RESCORE),
            rescore_prior=self._priors(self.rescores),
            fits=self._fits,
        )

    def wrong_fits(self) -> Iterator[str]:
        """Yield, in words, the fits whose answers to training subjects are not those of the ledger."""
        fits = self.learnt.fits
        revisions = [fit.revision for fit in fits]
        replayed = self._history.at(self._lines_of(fits, revisions), _column(revisions)).counts
        for fit, counts in zip(fits, replayed.reshape(-1, 6).tolist(), strict=True):
            if list(fit.counts) != counts:
                yield (
                    f"fit of person {fit.person_id} in workflow {fit.workflow_id} by calibration {fit.calibration}:"
                    f" counts are {list(fit.counts)}, the replay gives {counts}"
                )

    @cached_property
    def _place(self) -> Mapping[StageKey, int]:
        return {(row[0], row[1]): number for number, row in enumerate(self.stages)}

    @cached_property
    def _skills(self) -> dict[StageKey, int]:
        """A number for each (person, workflow)."""
        return {}

    def _skills_of(self, rows: Sequence[stored.Entry] | Sequence[stored.Fit]) -> Integers:
        return _column(self._skills.setdefault((each.person_id, each.workflow_id), len(self._skills)) for each in rows)

    @cached_property
    def _lines(self) -> SkillLines:
        return SkillLines(self.gold, self.learnt.merges, self.learnt.unwatched)

    def _lines_of(self, rows: Sequence[stored.Entry] | Sequence[stored.Fit], revisions: Sequence[int]) -> Integers:
        """Return a number for each (person, workflow) at a revision, by which the history knows their skill."""
        keys = [(each.person_id, each.workflow_id) for each in rows]
        return _column(self._lines.number(*key, revision) for key, revision in zip(keys, revisions, strict=True))

    @cached_property
    def _history(self) -> SkillHistory:
        return self._lines.history()

    @cached_property
    def _fits(self) -> Fits:
        fits = self.learnt.fits
        skill, calibration = self._skills_of(fits), _column(fit.calibration for fit in fits)
        order = np.lexsort((calibration, skill))
        counts, batch = (
            np.array([getattr(fit, name) for fit in fits], dtype=np.int64).reshape(-1, 2, 3)[order]
            for name in ("counts", "batch")
        )
        return Fits(skill[order], calibration[order], counts, batch)

    @cached_property
    def _calibrations(self) -> Mapping[StageKey, Calibration]:
        """The calibrations by workflow and revision."""
        return {(each.workflow_id, each.revision): calibration_of(each) for each in self.learnt.calibrations}

    def _priors(self, rows: Sequence[stored.Entry] | Sequence[stored.Rescore]) -> Integers:
        """Return what volunteers start with by the calibration of each row, hundredths of shape (m, 2, 3)."""
        known = [self._calibrations.get((each.workflow_id, each.calibration), UNCALIBRATED).prior for each in rows]
        return np.array(known, dtype=np.int64).reshape(-1, 2, 3)

    @cached_property
    def _rules(self) -> tuple[Rows, Mapping[RuleKey, int]]:
        """The rules under which anything happened, as one table, and the row of each."""
        keys = dict.fromkeys((e.version_id, e.workflow_id, e.calibration) for e in self.votes)
        keys |= dict.fromkeys((e.version_id, e.workflow_id, e.calibration) for e in self.rescores)
        asked = [key for key in keys if key[1] in self.versions[key[0]].names]
        tables = [np.empty(0, dtype=RULE)]
        for version, workflow, revision in asked:
            declared = self.versions[version].workflow(workflow)
            calibration = self._calibrations.get((workflow, revision), UNCALIBRATED)
            tables.append(rules_of([declared], {declared.name: calibration}))
        return np.concatenate(tables), {key: row for row, key in enumerate(asked)}

    def _rule(self, entry: stored.Entry | stored.Rescore) -> int:
        """Return the row of a rule; a vote may be taken back under a version that no longer asks, and no rule."""
        key = (entry.version_id, entry.workflow_id, entry.calibration)
        back = isinstance(entry, stored.Entry) and entry.kind == EntryKind.RETRACTION
        return self._rules[1].get(key, 0) if back else self._rules[1][key]

    def _label(self, label: stored.FirstLabel) -> tuple[int, ...]:
        place = self._place[label.workflow_id, label.subject_id]
        return place, label.answer, label.reason, label.log_odds, label.votes

    def _rescore(self, each: stored.Rescore) -> tuple[int, ...]:
        place = self._place[each.workflow_id, each.subject_id]
        return place, self._rule(each), each.ordinal, each.calibration, *each[5:]


def _column(values: Iterable[int]) -> Integers:
    return np.fromiter(values, dtype=np.int64)
