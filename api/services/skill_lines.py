"""Whose skill a vote was weighed by: persons who turned out to be one have lines of answers that run together.

A *line* is what one person has learnt from in one workflow, from its beginning or from a merge on. A merge begins a
line: with the answers of both lines before, each subject once, in the order of arrival; it ends where the next one
begins. So the ledger's person, a workflow and a revision name a line, and a place on it.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from api.store.ledger import Entry, SkillMerge
from cascade.replay import SkillHistory, skill_history
from cascade.vocabulary import EntryKind

SkillKey = tuple[int, int]
"""A person and a workflow."""


@dataclass(slots=True)
class _Line:
    """The answers of a line in order; `shared` are those that it begins with, at revisions up to `since`."""

    since: int = 0
    shared: list[Entry] = field(default_factory=list)
    own: list[Entry] = field(default_factory=list)

    def answers(self) -> list[Entry]:
        return [*self.shared, *self.own]


class SkillLines:
    """The lines of all persons, numbered.

    Parameters
    ----------
    gold
        The entries about gold: answers, and answers taken out by a merge.
    merges
        In the order in which they were done.
    unwatched
        Up to which revision of a (person, workflow) nobody watched for drops. All is watched that a merge made anew.
    """

    def __init__(self, gold: Sequence[Entry], merges: Sequence[SkillMerge], unwatched: Mapping[SkillKey, int]) -> None:
        self._unwatched = unwatched
        self._out = {(e.person_id, e.client_id): e.skill_revision for e in gold if e.kind == EntryKind.RETRACTION}
        self._lines: dict[SkillKey, list[_Line]] = {}
        self._numbers: dict[tuple[SkillKey, int], int] = {}
        self._gone: dict[SkillKey, tuple[int, SkillKey]] = {}
        answers: dict[SkillKey, list[Entry]] = defaultdict(list)
        for each in gold:
            if each.kind == EntryKind.VOTE:
                answers[each.person_id, each.workflow_id].append(each)
        for merge in merges:
            first, second = ((person, merge.workflow_id) for person in (merge.from_person_id, merge.into_person_id))
            own = answers.get(second, [])
            before = self._close(second, [e for e in own if e.skill_revision < merge.revision])
            answers[second] = [e for e in own if e.skill_revision >= merge.revision]
            both = [*self._close(first, answers.pop(first, [])).answers(), *before.answers()]
            self._gone[first] = (merge.revision, second)
            self._lines[second].append(_Line(merge.revision, self._still(both, merge.revision)))
        for key, own in answers.items():
            self._close(key, own)

    def _close(self, key: SkillKey, own: list[Entry]) -> _Line:
        """Put answers on the last line of somebody, and return it."""
        line = self._lines.setdefault(key, [_Line()])[-1]
        line.own = own
        return line

    def _still(self, answers: Sequence[Entry], revision: int) -> list[Entry]:
        """Return the answers that no merge up to a revision has taken out, in the order in which they came."""
        kept = [e for e in answers if not 0 < self._out.get((e.person_id, e.client_id), 0) <= revision]
        return sorted(kept, key=lambda e: (e.received_at, e.client_id))

    def number(self, person_id: int, workflow_id: int, revision: int = 0) -> int:
        """Return the number of the line on which a revision of somebody's skill lies."""
        key: SkillKey = (person_id, workflow_id)
        while key in self._gone and revision >= self._gone[key][0]:
            key = self._gone[key][1]
        lines = self._lines.get(key, ())
        place = max(bisect_right([line.since for line in lines], revision) - 1, 0)
        return self._numbers.setdefault((key, place), len(self._numbers))

    def history(self) -> SkillHistory:
        """Return what was learnt on every line."""
        rows: list[tuple[int, int, int, int, bool]] = []
        for key, lines in self._lines.items():
            for line in lines:
                number, unwatched = self.number(*key, line.since), self._unwatched.get(key, 0)
                begun = line.since - len(line.shared)
                rows += [(number, begun + n, e.truth or 0, e.answer, True) for n, e in enumerate(line.shared, 1)]
                rows += [
                    (number, e.skill_revision, e.truth or 0, e.answer, e.skill_revision > unwatched) for e in line.own
                ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 5)
        skill, revision, truth, answer, watched = table.T
        return skill_history(skill, revision, truth, answer, watched.astype(np.bool_))
