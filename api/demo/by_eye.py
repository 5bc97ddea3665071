"""What the developers declared about the cutouts, and what they saw in them by eye; the files beside say how."""

import csv
from dataclasses import dataclass
from importlib import resources
from typing import Final

from cascade.vocabulary import Answer

QUESTIONS: Final = ("galaxy", "features", "merging")
"""The workflows of the demonstration that volunteers answer, in the order of the cascade."""


@dataclass(frozen=True, slots=True)
class Gold:
    """The right answer to one question about one subject, and what in the cutout shows it."""

    question: str
    answer: Answer
    explanation: str


def cascade_declaration() -> str:
    """Return the YAML text of the demonstration's cascade."""
    return _text("hubble.yaml")


def gold_standard() -> dict[str, Gold]:
    """Return the gold standard by external id; each subject is gold for one question."""
    return {row["external_id"]: _gold(row) for row in _rows("hubble_gold.csv")}


def truth_by_eye() -> dict[str, dict[str, Answer]]:
    """Return the answer to each question by external id, judged at the size of a thumbnail, for the simulated crowd."""
    return {
        row["external_id"]: {question: Answer[row[question].upper()] for question in QUESTIONS}
        for row in _rows("hubble_truth.csv")
    }


def _gold(row: dict[str, str]) -> Gold:
    [question] = [question for question in QUESTIONS if row[question]]
    return Gold(question, Answer[row[question].upper()], row["explanation"])


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in _text(name).splitlines() if not line.startswith("#")))


def _text(name: str) -> str:
    return resources.files("api.demo").joinpath(name).read_text(encoding="utf-8")
