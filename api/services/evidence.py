"""All that is stored of a subject in one workflow, as values: its steps in order, the rules behind them, the skills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final

import numpy as np

from api.services.pseudonyms import Pseudonyms
from api.services.published import Published
from api.store.explaining import (
    ExplainedStage,
    ExplainedSubject,
    Fit,
    GoldAnswer,
    LabelRevision,
    LedgerRow,
    Rescore,
)
from cascade.calibration import UNCALIBRATED, Calibration
from cascade.decision import ENTRY, capped
from cascade.drift import trusted
from cascade.explain import COUNTS, Step
from cascade.graph import Workflow
from cascade.replay import SkillHistory, skill_history
from cascade.skill import weigh
from cascade.standing import STANDING, Integers, Rows, rules_of
from cascade.vocabulary import Bucket, EntryKind

COUNTING: Final = (Bucket.PROVEN, Bucket.UNPROVEN)


@dataclass(frozen=True, slots=True)
class Skill:
    """What was known of a volunteer at a vote: gold answers (2, 3), hundredths from a refit (2, 3), and the prior."""

    counts: Integers
    batch: Integers
    prior: Integers

    def gives(self, row: LedgerRow, rule: Rows) -> bool:
        """Say whether a vote of this skill adds what is stored of it, under a rule of shape (1,)."""
        entry = np.zeros(1, dtype=ENTRY)
        entry["if_yes"], entry["if_no"], entry["proven"] = weigh(
            self.counts[None], np.array([row.answer]), self.batch[None], self.prior
        )
        added = capped(entry, np.array([row.bucket]), rule)[0]
        return (int(added["if_yes"]), int(added["if_no"])) == (row.if_yes, row.if_no)


@dataclass(frozen=True)
class Stored:
    """What is stored of a subject in one workflow.

    Attributes
    ----------
    entries, rescores, labels
        The ledger's rows, the weighings anew and the label's revisions, of this workflow alone.
    came_from
        The workflow whose label led here.
    gold, fits
        Training answers of those who voted, each in their order, and what calibrations made of them.
    calibrations, versions, numbers
        Those that anything here names, by revision and by id, and the numbers of versions.
    unread
        Archived months that could not be read.
    """

    subject: ExplainedSubject
    stage: ExplainedStage
    entries: Sequence[LedgerRow]
    rescores: Sequence[Rescore]
    labels: Sequence[LabelRevision]
    came_from: str | None
    numbers: Mapping[int, int]
    unread: Sequence[date]
    gold: Sequence[GoldAnswer] = ()
    fits: Sequence[Fit] = ()
    calibrations: Mapping[int, Calibration] = field(default_factory=dict)
    versions: Mapping[int, Published] = field(default_factory=dict)

    @property
    def _stamped(self) -> list[LedgerRow | Rescore | LabelRevision]:
        return [*self.entries, *self.rescores, *self.labels]

    @property
    def persons(self) -> list[int]:
        """Those who voted."""
        return sorted({row.person_id for row in self.entries})

    @property
    def revisions(self) -> list[int]:
        """The calibrations that anything here names."""
        return sorted({self.stage.in_force, self.stage.calibration, *(each.calibration for each in self._stamped)})

    @property
    def version_ids(self) -> list[int]:
        """The versions that anything here names, and the one in force."""
        named = {each.version_id for each in self._stamped}
        return sorted({self.stage.version_id, self.subject.version_id or self.stage.version_id, *named})

    @cached_property
    def standing(self) -> Rows:
        """The stage, as the engine has it."""
        return np.array([self.stage.standing], dtype=STANDING)

    @cached_property
    def begun(self) -> int:
        """The prior with which the subject entered, in micro-nats."""
        return self.rescores[0].prior_before if self.rescores else int(self.standing["prior"][0])

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """What volunteers are called here."""
        return Pseudonyms(self.subject.pseudonym_key)

    @cached_property
    def in_order(self) -> list[LedgerRow | Rescore]:
        """Everything that happened: by ordinal, and what has none by the time at which it came."""
        steps: list[LedgerRow | Rescore] = [row for row in self.entries if row.ordinal > 0]
        steps = sorted([*steps, *self.rescores], key=lambda step: step.ordinal)
        for row in sorted((row for row in self.entries if row.ordinal == 0), key=lambda row: row.received_at):
            after = (place for place, step in enumerate(steps) if moment_of(step) > row.received_at)
            steps.insert(next(after, len(steps)), row)
        return steps

    def calibration(self, revision: int) -> Calibration:
        """Return a calibration by its revision."""
        return self.calibrations.get(revision, UNCALIBRATED)

    def declared(self, version_id: int) -> Workflow | None:
        """Return what a version declares of the workflow, or None where it does not ask it any more."""
        version = self.versions[version_id]
        asked = self.stage.workflow_id in version.names
        return version.workflow(self.stage.workflow_id) if asked else None

    @cached_property
    def now(self) -> tuple[Workflow, int, int]:
        """The declaration, version and calibration by which the subject was decided, or would be now."""
        first = self.labels[0] if self.labels else None
        if first is not None:
            wanted = [(first.version_id, first.calibration)]
        else:
            wanted = [(self.subject.version_id or self.stage.version_id, self.stage.in_force)]
        for version_id, calibration in (*wanted, (self.stage.version_id, self.stage.calibration), *self._seen):
            declared = self.declared(version_id)
            if declared is not None:
                return declared, version_id, calibration
        raise LookupError(f"no version asks workflow {self.stage.workflow_id}")

    @property
    def _seen(self) -> list[tuple[int, int]]:
        return [(version, self.stage.calibration) for version in self.version_ids]

    def rule(self, workflow: Workflow, calibration: int) -> Rows:
        """Return the rule of a declaration by a calibration, (1,)."""
        return rules_of([workflow], {workflow.name: self.calibration(calibration)})

    @cached_property
    def steps(self) -> tuple[list[Step], Rows]:
        """What the engine adds up, in order, and the rules; a version that does not ask keeps the rule before."""
        rules = [self.rule(self.now[0], self.now[2])]
        place: dict[tuple[int, int], int] = {}
        steps: list[Step] = []
        for each in self.in_order:
            if each.ordinal == 0:
                continue
            key = (each.version_id, each.calibration)
            declared = self.declared(each.version_id)
            if key not in place and declared is not None:
                place[key] = len(rules)
                rules.append(self.rule(declared, each.calibration))
            rule = place.get(key, steps[-1].rule if steps else 0)
            steps.append(self._vote(each, rule) if isinstance(each, LedgerRow) else self._anew(each, rule))
        return steps, np.concatenate(rules)

    def _vote(self, row: LedgerRow, rule: int) -> Step:
        sign = 1 if row.kind == EntryKind.VOTE else -1
        return Step(row.ordinal, rule, sign, row.answer, row.flag, row.bucket, row.if_yes, row.if_no)

    def _anew(self, rescore: Rescore, rule: int) -> Step:
        """Return a weighing anew; of one that was only compared with the label the sums are not the stage's."""
        if rescore.flagged:
            return Step(rescore.ordinal, rule, 0)
        sums = (rescore.prior, rescore.if_yes, rescore.if_no, rescore.unproven)
        return Step(rescore.ordinal, rule, 0, sums=sums, counts=self.counts_after(rescore))

    def counts_after(self, rescore: Rescore) -> list[int]:
        """Return how many votes were proven and unproven, by answer, when all were weighed anew."""
        rows = [row for row in self._standing_before(rescore) if row.bucket in COUNTING]
        if not rows:
            return [0] * len(COUNTS)
        skills = [self.fitted(row.person_id, rescore.calibration) for row in rows]
        answers = np.array([row.answer for row in rows])
        known = np.array([self._knows(rescore.calibration, row.person_id) for row in rows])
        _, _, proven = weigh(
            np.array([skill.counts for skill in skills]),
            answers,
            np.array([skill.batch for skill in skills]),
            self.calibration(rescore.calibration).prior,
        )
        sure = np.where(known, proven, [row.bucket == Bucket.PROVEN for row in rows])
        tallies = [np.bincount(answers[chosen], minlength=3)[[1, 0, 2]] for chosen in (sure, ~sure)]
        return [int(number) for number in np.concatenate(tallies)]

    def _standing_before(self, rescore: Rescore) -> list[LedgerRow]:
        """Return the votes before a weighing anew that had not been taken back."""
        before = [row for row in self.entries if 0 < row.ordinal < rescore.ordinal]
        back = {(row.person_id, row.client_id) for row in before if row.kind == EntryKind.RETRACTION}
        return [row for row in before if (row.person_id, row.client_id) not in back]

    def _knows(self, calibration: int, person: int) -> bool:
        """Say whether a calibration knows a person; those that it does not keep the weight that they had."""
        return any(fit.person_id == person and fit.calibration <= calibration for fit in self.fits)

    def fitted(self, person: int, calibration: int) -> Skill:
        """Return what a calibration made of a person."""
        known = [fit for fit in self.fits if fit.person_id == person and fit.calibration <= calibration]
        counts, batch = (known[-1].counts, known[-1].batch) if known else ((0,) * 6, (0,) * 6)
        return Skill(_square(counts), _square(batch), self.calibration(calibration).prior)

    def exact(self, row: LedgerRow) -> bool:
        """Say whether what was known of a volunteer gives, to the bit, what is stored of their vote."""
        rule = self.rule(self.declared(row.version_id) or self.now[0], row.calibration)
        return self.skill_at(row).gives(row, rule)

    def skill_at(self, row: LedgerRow) -> Skill:
        """Return what was known of a volunteer when they voted."""
        person = np.array([self.persons.index(row.person_id)])
        record = self._history.at(person, np.array([row.skill_revision]))
        fitted = self.fitted(row.person_id, row.calibration)
        return Skill(record.counts[0], trusted(fitted.batch[None], record.drops)[0], fitted.prior)

    @cached_property
    def _history(self) -> SkillHistory:
        places = {person: place for place, person in enumerate(self.persons)}
        revisions: dict[int, int] = {}
        numbered = [revisions.setdefault(each.person_id, 0) for each in self.gold]
        for place, each in enumerate(self.gold):
            revisions[each.person_id] += 1
            numbered[place] = revisions[each.person_id]
        return skill_history(
            np.array([places[each.person_id] for each in self.gold], dtype=np.int64),
            np.array(numbered, dtype=np.int64),
            np.array([each.truth for each in self.gold], dtype=np.int64),
            np.array([each.answer for each in self.gold], dtype=np.int64),
        )


def moment_of(step: LedgerRow | Rescore) -> datetime:
    """Return when something happened."""
    return step.received_at if isinstance(step, LedgerRow) else step.rescored_at


def _square(numbers: Sequence[int]) -> Integers:
    return np.array(numbers, dtype=np.int64).reshape(2, 3)
