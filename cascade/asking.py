"""Which subjects to ask an expert about, and what more answers of experts would buy.

An expert's answer does two things: it settles a subject that the votes cannot settle, and, as gold, it teaches what
volunteers can. Subjects for the first come to light by themselves (`Why`); `most_teaching` finds those for the second.
"""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cascade.skill import GOLD_TO_PROVE

CONFIDENCE: Final = 0.95
"""That of upper bounds which are promised."""

Integers = NDArray[np.int64]


class Why(StrEnum):
    """Why an expert is asked about a subject, the most urgent first."""

    AUDIT = "audit"
    """Votes of an audit speak against its label."""

    REFIT = "refit"
    """By what a refit has learnt it would be decided otherwise."""

    CONTESTED = "contested"
    """As many votes as are asked for have not decided it."""

    TEACHES = "teaches"
    """Its votes are of volunteers of whom little is known."""


def most_teaching(
    subject: Integers, known: Integers, dealt: Integers, lean: Integers, gold: tuple[int, int], count: int
) -> Integers:
    """Return the subjects whose answers teach most, as places in `lean`, the most teaching first, `count` at most.

    What an answer teaches is summed over those who voted: ln(1 + cards dealt) / (1 + gold answers known), for who is
    known already teaches little, and who has voted much will vote much. Subjects that lean to the answer of which there
    is less gold come before the others.

    Parameters
    ----------
    subject, known, dealt
        One entry for each vote, (m,): a place in `lean`, and the volunteer's gold answers and cards so far.
    lean
        The log-odds of yes of each subject, (n,).
    gold
        How many subjects are known to be no, and yes.
    """
    worth = np.bincount(subject, np.log1p(dealt) / (1 + known), len(lean))
    best = np.argsort(-worth, kind="stable")
    left = [list(best[lean[best] <= 0][::-1]), list(best[lean[best] > 0][::-1])]
    have = list(gold)
    chosen: list[int] = []
    while len(chosen) < count and any(left):
        rarer = int(have[1] < have[0] or (have[1] == have[0] and len(left[1]) < len(left[0])))
        answer = rarer if left[rarer] else 1 - rarer
        chosen.append(left[answer].pop())
        have[answer] += 1
    return np.array(chosen, dtype=np.int64)


def shares(count: int, disputed: int, teaching: int) -> tuple[int, int]:
    """Return how many of `count` questions are disputed subjects and how many teach: half of each, if there are."""
    first = min(disputed, max((count + 1) // 2, count - teaching))
    return first, min(teaching, count - first)


def promised(clean: int) -> float:
    """Return the error rate below which so many gold subjects without an error promise it to be (Clopper-Pearson)."""
    return 1.0 if clean == 0 else 1 - (1 - CONFIDENCE) ** (1 / clean)


def needed(rate: float) -> int:
    """Return how many gold subjects without an error it takes to promise an error rate below this."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-rate))


def gold_advice(no: int, yes: int, *, miss: float, false_alarm: float, cold: bool = False) -> Sequence[str]:
    """Return, in sentences, what the gold of a workflow lets the engine promise and what more would buy.

    Parameters
    ----------
    no, yes
        How many subjects are known to be no, and yes.
    cold
        Whether agreement decides as long as gold has proven too few volunteers.
    """
    return [
        *_proving(no, yes, cold),
        *_promise("yes", yes, "miss rate", miss),
        *_promise("no", no, "false-alarm rate", false_alarm),
    ]


def _proving(no: int, yes: int, cold: bool) -> Iterator[str]:
    if min(no, yes) >= GOLD_TO_PROVE:
        return
    yield (
        f"There is gold for {yes} yes and {no} no. Below {GOLD_TO_PROVE} of each, nobody can be shown to be right more"
        " often than by chance."
    )
    if cold:
        yield (
            "Until then subjects retire by agreement alone. The error of that can be estimated, but nothing bounds it:"
            " a crowd that errs together, or one person with several accounts, goes unnoticed."
        )


def _promise(answer: str, count: int, rate: str, target: float) -> Iterator[str]:
    """Say what the gold of one answer promises at best, and what it takes for the target."""
    enough = needed(target)
    if count >= enough:
        yield (
            f"{count} gold subjects of answer {answer} suffice to promise the {rate} of {_percent(target)} asked for,"
            " if hardly any of them is decided wrongly."
        )
        return
    more = f"{enough - count} more would let it promise the {_percent(target)} asked for"
    if count:
        yield (
            f"With {count} gold subjects of answer {answer} the engine can at best promise a {rate} below"
            f" {_percent(promised(count))} (with 95 % confidence); {more}."
        )
    else:
        yield f"Without gold of answer {answer} the engine cannot promise any {rate}; {more}."
    least = math.ceil(1 / target) - 1
    if count < least:
        bound = "no" if answer == "yes" else "yes"
        yield (
            f"From {least} gold subjects of answer {answer} on it can learn from gold where to stop for {bound}; until"
            " then it waits for more votes than it may have to."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
