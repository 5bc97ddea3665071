"""What a simulated crowd takes for the truth: of the demonstration, or from a file."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from api.demo.by_eye import truth_by_eye
from api.errors import CommandError
from cascade.vocabulary import Answer

Truths = Mapping[str, Mapping[str, Answer]]
"""By external id and workflow name."""

DEMONSTRATION: Final = "hubble"

_ANSWERS: Final = {"yes": Answer.YES, "no": Answer.NO}


class WrongTruthError(CommandError):
    """The file says nothing that a crowd could go by."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


class TruthNeededError(CommandError):
    """There is no truth for the project to go by."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"a simulated crowd needs something to be right or wrong about: for {slug}, name a CSV file with the"
            " columns external_id and one for each workflow (yes, no or nothing) with --truth"
        )


def truths(slug: str, path: Path | None) -> Truths:
    """Return the truth of a file, or that of the demonstration.

    Raises
    ------
    WrongTruthError, TruthNeededError
        There is none.
    """
    if path is not None:
        return _read(path)
    if slug == DEMONSTRATION:
        return {external_id: _with_expert(seen) for external_id, seen in truth_by_eye().items()}
    raise TruthNeededError(slug)


def _with_expert(seen: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """Add what an expert would say: worth a closer look is a galaxy with features, or one that merges."""
    worth = Answer.YES in (seen["features"], seen["merging"])
    return {**seen, "expert": Answer.YES if worth else Answer.NO}


def _read(path: Path) -> Truths:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            found = {(row.get("external_id") or "").strip(): _answers(row) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongTruthError(path, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not any(external_id and answers for external_id, answers in found.items()):
        raise WrongTruthError(path, "has no yes or no; it needs external_id and a column for each workflow")
    return found


def _answers(row: Mapping[str, str | None]) -> Mapping[str, Answer]:
    words = {name: (cell or "").strip().lower() for name, cell in row.items() if name and isinstance(cell, str)}
    return {name: _ANSWERS[word] for name, word in words.items() if name != "external_id" and word in _ANSWERS}
