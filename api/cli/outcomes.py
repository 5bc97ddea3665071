"""How right labels are: compared with a truth, misses and false alarms apart."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cascade.vocabulary import Answer
from mobile_schemas.labels import LabelOut


@dataclass(slots=True)
class Outcome:
    """The labels of one workflow: how they came about, and how often they are wrong.

    `of_yes` and `of_no` count labels by the truth, where it is known; `missed` those that say no to a true yes,
    `false_alarms` those that say yes to a true no.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    labelled: Counter[str] = field(default_factory=Counter)
    votes: int = 0
    late: int = 0
    of_yes: int = 0
    of_no: int = 0
    missed: int = 0
    false_alarms: int = 0

    @property
    def retired(self) -> int:
        """How many subjects."""
        return self.reasons.total()

    @property
    def wrong(self) -> int:
        """How many labels the truth contradicts."""
        return self.missed + self.false_alarms

    @property
    def compared(self) -> int:
        """How many labels, of yes or no, have a known truth."""
        return self.of_yes + self.of_no

    def add(self, label: LabelOut, truth: Answer | None) -> None:
        """Count one label."""
        self.reasons[label.reason] += 1
        self.labelled[label.label or "none"] += 1
        self.votes += label.counted
        self.late += label.late
        if truth is None or label.label is None:
            return
        if truth is Answer.YES:
            self.of_yes += 1
            self.missed += label.label == "no"
        else:
            self.of_no += 1
            self.false_alarms += label.label == "yes"


def outcomes(labels: Iterable[LabelOut], truth: Callable[[LabelOut], Answer | None]) -> dict[int, Outcome]:
    """Return the outcome of each workflow that has labels, by its number. A later revision of a label is left out."""
    found: dict[int, Outcome] = {}
    for label in labels:
        if label.revision == 1:
            found.setdefault(label.workflow, Outcome()).add(label, truth(label))
    return found


def share(part: int, whole: int) -> str:
    """Return `3 of 40 (8 %)`, or a dash where there is nothing to compare."""
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "-"


def percent(part: int, whole: int) -> str:
    """Return a share such as `97.5 %`, or a dash where there is nothing to compare."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def ratio(total: float, number: float) -> str:
    """Return an average with one decimal, or a dash."""
    return f"{total / number:.1f}" if number else "-"


def counted(counts: Counter[str]) -> str:
    """Return `yes 3, no 2`, the most frequent first, or a dash."""
    return ", ".join(f"{what} {number}" for what, number in counts.most_common()) or "-"
