"""Who reaches a level and who loses it, by simulated volunteers: the rule beside the ratio that others go by.

A volunteer is right with one probability where the truth is no, and with another where it is yes. Cards come as the
service deals them (`cascade.dealing.plan`, and more gold for candidates); after every one the rule is asked.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from cascade.dealing import arrange, plan
from gamification.levels import LAST, Record, Rule, Side, Training, is_candidate, judge
from gamification.progress import MEDIAN, Answered, right_share

DECK: Final = 10
CARDS: Final = 500
SOON: Final = 120
HELD_CARDS: Final = 1000
PROBATION_CARDS: Final = 300
BEFORE: Final = 300
"""Cards that somebody has seen who has just reached the level and is watched for losing it."""

MUCH: Final = (10_000, 10_000)
RATIO: Final = 0.7
RULE: Final = Rule(level=2, workflows=("arc",))

Weights = tuple[float | None, float | None]
"""The weight of the prior when both sides together take a level, and when one side does; `None`: they do not."""

OTHERS: Final[dict[str, Weights]] = {
    "sides, weight 8": (None, 8),
    "sides, weight 2": (None, 2),
    "together, weight 8": (8, None),
    "together, weight 2": (2, None),
}
"""Rules of losing that were tried."""

Skill = tuple[float, float]
"""The share right where the truth is no, and where it is yes."""

EQUAL: Final = (0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
UNEQUAL: Final[tuple[Skill, ...]] = ((0.95, 0.60), (0.60, 0.95), (0.95, 0.80), (1.0, 0.0), (0.0, 1.0))
STEADY: Final = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
TURNS: Final[dict[str, Skill]] = {
    "flips a coin": (0.5, 0.5),
    "inverts": (0.1, 0.1),
    "always yes": (0.0, 1.0),
    "always no": (1.0, 0.0),
    "guesses on yes only": (0.9, 0.5),
}


@dataclass(frozen=True, slots=True)
class Reached:
    """When volunteers of one skill reached the level: shares of the runs, and the median card (`None`: most never)."""

    skill: Skill
    by_rule: float
    soon: float
    median: float | None
    by_ratio: float
    ratio_median: float | None
    gold: float


@dataclass(frozen=True, slots=True)
class Lost:
    """When volunteers lost the level who came to it at one skill and went on at another.

    `share` is of the runs; the median and the slowest tenth are in training answers, `cards` is the median in cards.
    """

    before: Skill
    after: Skill
    share: float
    median: float | None
    tenth: float | None
    cards: float | None


class Volunteer:
    """Somebody who swipes: what they have been dealt and have shown."""

    def __init__(self, rng: np.random.Generator, seen: int = 0) -> None:
        self.rng = rng
        self.seen = seen
        self.gold = 0
        self.right = [0, 0]
        self.wrong = [0, 0]
        self.last: deque[tuple[Side, bool]] = deque(maxlen=LAST)

    def answer(self, truth: int, skill: Skill) -> None:
        """Answer a training card."""
        right = bool(self.rng.random() < skill[truth])
        (self.right if right else self.wrong)[truth] += 1
        self.last.append(("yes" if truth else "no", right))
        self.gold += 1

    def swipe(self, cards: int, skill: Skill, *, holds: bool = False) -> Iterator[bool]:
        """Yield each of the next cards, deck by deck: whether it was training. Candidates are dealt more of it."""
        for _ in range(0, cards, DECK):
            (no, yes), no_right, yes_right = self.answered, self.right[0], self.right[1]
            counts = np.array([[no_right, self.wrong[0], 0], [self.wrong[1], yes_right, 0]], dtype=np.int64)
            candidate = not holds and is_candidate(RULE, "arc", no, yes)
            made = plan(DECK, self.seen, counts, MUCH, False, self.rng, candidate=candidate)
            rest = DECK - made.gold_no - made.gold_yes
            for truth in arrange([[0] * made.gold_no, [1] * made.gold_yes, [-1] * rest], self.rng):
                self.seen += 1
                if truth >= 0:
                    self.answer(truth, skill)
                yield truth >= 0

    @property
    def answered(self) -> tuple[Answered, Answered]:
        """Training answers by truth."""
        no, yes = (Answered(right, wrong) for right, wrong in zip(self.right, self.wrong, strict=True))
        return no, yes

    @property
    def record(self) -> Record:
        """What the rule is asked about."""
        return Record({"arc": Training(*self.answered, tuple(self.last))})

    def falls_short(self, weights: Weights) -> bool:
        """Whether the last answers are under what keeps a level, by a rule that is not ours."""
        training = self.record.of("arc")
        no, yes = training.recent("no"), training.recent("yes")
        together, side = weights
        weighed = ((no + yes, together), (no, side), (yes, side))
        return any(
            weight is not None and each.seen and right_share(each, MEDIAN, weight) < RULE.keep
            for each, weight in weighed
        )

    @property
    def by_ratio(self) -> bool:
        """Whether the raw ratio would do: so many of each class right, however few there are."""
        return all(
            right and right >= RATIO * (right + wrong) for right, wrong in zip(self.right, self.wrong, strict=True)
        )


def promotion(skill: Skill, seed: int) -> tuple[int | None, int | None, int]:
    """Return the card at which somebody reaches the level by the rule, by the ratio, and the gold until then."""
    volunteer = Volunteer(np.random.default_rng(seed))
    by_ratio: int | None = None
    for trained in volunteer.swipe(CARDS, skill):
        if not trained:
            continue
        if by_ratio is None and volunteer.by_ratio:
            by_ratio = volunteer.seen
        if judge(RULE, volunteer.record).reached:
            return volunteer.seen, by_ratio, volunteer.gold
    return None, by_ratio, volunteer.gold


def loss(
    before: Skill, after: Skill, cards: int, on_probation: bool, weights: Weights | None, seed: int
) -> tuple[int, int] | None:
    """Return after how many cards and training answers somebody loses the level; `None`: not within the cards.

    They come with `LAST` training answers of their skill before. With `weights` another rule than ours is asked.
    """
    volunteer = Volunteer(np.random.default_rng(seed), BEFORE)
    for place in range(LAST):
        volunteer.answer(place % 2, before)
    for trained in volunteer.swipe(cards, after, holds=True):
        if not trained:
            continue
        judgement = judge(RULE, volunteer.record, on_probation=on_probation)
        if judgement.lost if weights is None else volunteer.falls_short(weights):
            return volunteer.seen - BEFORE, volunteer.gold - LAST
    return None


def reaching(skill: Skill, runs: int, seed: int, pool: ProcessPoolExecutor | None = None) -> Reached:
    """Return when volunteers of a skill reach the level."""
    seeds = range(seed * runs, (seed + 1) * runs)
    found = list(_each(pool, partial(promotion, skill), seeds))
    by_rule, by_ratio = [each[0] for each in found], [each[1] for each in found]
    return Reached(
        skill=skill,
        by_rule=_share(by_rule),
        soon=sum(card is not None and card <= SOON for card in by_rule) / runs,
        median=_quantile(by_rule, 0.5),
        by_ratio=_share(by_ratio),
        ratio_median=_quantile(by_ratio, 0.5),
        gold=float(np.mean([each[2] for each in found])),
    )


def losing(
    before: Skill,
    after: Skill,
    runs: int,
    seed: int,
    pool: ProcessPoolExecutor | None = None,
    *,
    probation: bool = False,
    weights: Weights | None = None,
) -> Lost:
    """Return when volunteers of a skill lose the level who go on at another one."""
    seeds = range(seed * runs, (seed + 1) * runs)
    cards = PROBATION_CARDS if probation else HELD_CARDS
    found = list(_each(pool, partial(loss, before, after, cards, probation, weights), seeds))
    answers = [None if each is None else each[1] for each in found]
    return Lost(
        before=before,
        after=after,
        share=_share(answers),
        median=_quantile(answers, 0.5),
        tenth=_quantile(answers, 0.9),
        cards=_quantile([None if each is None else each[0] for each in found], 0.5),
    )


def run_levels(runs: int, seed: int) -> dict[str, Any]:
    """Print the tables of `docs/levels.md`, and return their figures; a fifth of the runs watches for losing."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        reached = _reaching_tables(runs, seed, pool)
        return {"reached": reached} | _losing_tables(max(runs // 5, 1), seed, pool)


def _reaching_tables(runs: int, seed: int, pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    print(f"reaching a level within {CARDS} cards, {runs:,} runs each", flush=True)
    print(f"| right on no, yes | reached | within {SOON} | median card | by the ratio | its median | gold |")
    print("|---|---|---|---|---|---|---|")
    skills: tuple[Skill, ...] = (*((share, share) for share in EQUAL), *UNEQUAL)
    return [_shown(reaching(skill, runs, seed, pool)) for skill in skills]


def _losing_tables(runs: int, seed: int, pool: ProcessPoolExecutor) -> dict[str, list[dict[str, Any]]]:
    same = [("the same", (each, each), (each, each)) for each in STEADY]
    turned = [(name, (0.9, 0.9), after) for name, after in TURNS.items()]
    _head(f"losing it within {HELD_CARDS} cards, {runs:,} runs each")
    lost = [_told(name, losing(before, after, runs, seed, pool)) for name, before, after in [*same, *turned]]
    _head(f"on probation, within {PROBATION_CARDS} cards")
    on_probation = [
        _told(name, losing(before, after, runs, seed, pool, probation=True))
        for name, before, after in [*same, *turned[:1]]
    ]
    _head(f"by other rules, within {HELD_CARDS} cards")
    otherwise = [
        _told(f"{name}; {rule}", losing(before, after, runs, seed, pool, weights=weights)) | {"rule": rule}
        for rule, weights in OTHERS.items()
        for name, before, after in [*same[3:5], turned[0], turned[-1]]
    ]
    return {"lost": lost, "on_probation": on_probation, "otherwise": otherwise}


def _head(title: str) -> None:
    print(f"\n{title}")
    print("| before | after | lost | median training answer | slowest tenth | median card |")
    print("|---|---|---|---|---|---|")


def _each(pool: ProcessPoolExecutor | None, work: Any, seeds: range) -> Iterator[Any]:
    return map(work, seeds) if pool is None else pool.map(work, seeds, chunksize=100)


def _share(places: Sequence[int | None]) -> float:
    return sum(place is not None for place in places) / len(places)


def _quantile(places: Sequence[int | None], share: float) -> float | None:
    """Return a quantile; `None` where so many never got there."""
    quantile = float(np.quantile([np.inf if place is None else place for place in places], share, method="lower"))
    return None if np.isinf(quantile) else quantile


def _shown(each: Reached) -> dict[str, Any]:
    cells = (
        f"{each.skill[0]:.2f}, {each.skill[1]:.2f}",
        f"{each.by_rule:.2%}",
        f"{each.soon:.1%}",
        _place(each.median),
        f"{each.by_ratio:.1%}",
        _place(each.ratio_median),
        f"{each.gold:.0f}",
    )
    print(f"| {' | '.join(cells)} |", flush=True)
    return asdict(each)


def _told(after: str, each: Lost) -> dict[str, Any]:
    cells = (f"{each.before[0]:.2f}", after, f"{each.share:.2%}", *map(_place, (each.median, each.tenth, each.cards)))
    print(f"| {' | '.join(cells)} |", flush=True)
    return asdict(each)


def _place(place: float | None) -> str:
    return "never" if place is None else f"{place:.0f}"
