"""The answers of an export as votes of ours, under ids that are the same each time the export is read."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from api.manifest import BadRow, ManifestRow
from api.panoptes.classifications import Annotation, PanoptesClassification
from api.panoptes.matching import Match, Matching
from api.panoptes.subjects import as_row
from api.panoptes.survey import Survey
from api.panoptes.tables import RefusedError
from api.panoptes.wording import one_line
from cascade.vocabulary import Answer

OUR_TASK: Final = "T0"
"""The one task of each workflow that we export."""

OUR_VERSION: Final = 7

_NAMESPACE: Final = "https://www.zooniverse.org/api/classifications"


@dataclass(frozen=True, slots=True)
class PanoptesVote:
    """One answer to one question of ours. `subject` is its subject as a row, to be created if it is not there."""

    id: UUID
    workflow: str
    answer: Answer
    subject: ManifestRow
    given: PanoptesClassification


@dataclass(slots=True)
class Sorted:
    """What became of the rows that were read: `votes` found; rows without an answer, of other workflows, or bad."""

    rows: int = 0
    votes: int = 0
    unanswered: int = 0
    elsewhere: int = 0
    bad: int = 0
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class VoteReader:
    """Turns rows of an export into votes; `id_from` is the metadata key of the subjects' own ids."""

    found: Survey
    matching: Matching
    id_from: str | None

    def votes(
        self, rows: Iterable[PanoptesClassification | BadRow], seen: Sorted, refuse: Callable[[BadRow], None]
    ) -> Iterator[PanoptesVote]:
        """Yield the votes of the rows, and count in `seen` what became of each row."""
        for row in rows:
            seen.rows += 1
            try:
                for vote in self._of_row(row, seen):
                    seen.votes += 1
                    seen.answers[vote.workflow, vote.answer.word] += 1
                    yield vote
            except RefusedError as refused:
                seen.bad += 1
                refuse(refused.on(row.line))

    def _of_row(self, row: PanoptesClassification | BadRow, seen: Sorted) -> list[PanoptesVote]:
        if isinstance(row, BadRow):
            raise RefusedError(row.column, row.problem, row.remedy)
        asked = [(each, self.matching.of(row.workflow_id, each.task)) for each in row.annotations]
        answered = [(each, found) for each, found in asked if found is not None and each.value not in (None, "", [])]
        if not answered:
            known = any(found is not None for _, found in asked)
            seen.unanswered += known
            seen.elsewhere += not known
            return []
        subject = as_row(row.line, row.subject, self.id_from)
        votes = []
        for each, found in answered:
            number = client_id(row.id, each.task, row.answered_at)
            votes.append(PanoptesVote(number, found.workflow, _answer(each, found), subject, row))
        return votes


def client_id(classification_id: str, task: str, answered_at: datetime) -> UUID:
    """Return the id of a vote: always the same for a classification and task, and its own for one that we exported.

    It is a UUID of version 7, as clients make them: the time of the answer, and a hash where those have dice.
    """
    try:
        own = UUID(classification_id)
    except ValueError:
        own = None
    if own is not None and own.version == OUR_VERSION and str(own) == classification_id.lower() and task == OUR_TASK:
        return own
    hashed = int.from_bytes(hashlib.sha256(f"{_NAMESPACE}/{classification_id}/{task}".encode()).digest()[:10])
    number = int(answered_at.timestamp() * 1000) << 80 | hashed
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | OUR_VERSION << 76 | 0x2 << 62)


def _answer(annotation: Annotation, match: Match) -> Answer:
    answer = match.choice.of(annotation.value)
    if answer is None:
        value = annotation.value
        said = repr(one_line(value)[:60]) if isinstance(value, str) else repr(value)[:60]
        labels = ", ".join(repr(one_line(label)) for label in match.choice.labels)
        places = "" if match.choice.ordered else "; for answers by their places give --workflow-json FILE"
        raise RefusedError("annotations", f"says {said} in {annotation.task}", f"it must be one of {labels}{places}")
    return answer
