"""A simulated crowd: volunteers of varied skill who take part over HTTP, as phones would.

Theory of operation
-------------------
Each member asks for a deck of a question that it may answer, answers the cards in their order by a truth that it is
told and its own two chances of being right, sends the answers, and asks again. Whoever is dealt nothing looks
again after a while, since a subject that leaves one question may come to the next. The crowd goes home when nobody has
been dealt a card for `QUIET_SECONDS`, and at its deadline at the latest.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from api.phone import Phone, RefusedError, all_of, new_id, new_swipe
from cascade.graph import FASTEST_MS
from cascade.vocabulary import Answer
from mobile_schemas.classifications import ClassificationIn, VerdictOut
from mobile_schemas.decks import CardOut, DeckIn
from mobile_schemas.projects import WorkflowOut

DECK: Final = 10
"""Cards that a member asks for."""

WIDTH_PX: Final = 1080

QUIET_SECONDS: Final = 3.0
"""The crowd goes home when nobody has been dealt a card for so long."""

LOOK_AGAIN_SECONDS: Final = (0.2, 1.0)
"""How long a member who was dealt nothing waits, at least and at most."""

SPAMMERS: Final = 1 / 16
"""Share of the members who answer without looking."""

SKILL_IF_YES: Final = (12.0, 3.0)
SKILL_IF_NO: Final = (14.0, 3.0)
"""Beta distributions of the two chances of being right: means .80 and .82, and hardly anybody below .5."""

UNSURE: Final = (1.0, 24.0)
"""Beta distribution of the share of answers that are unsure: mean .04."""

TAKEN_AWAY: Final = (403, 410)
"""The level of a member, or a question, that was there before and is no more."""

Truth = Callable[[str, str], Answer | None]
"""Tells, by workflow name and subject id, the right answer; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Character:
    """How a member answers: the chances of being right, by truth, and of not wanting to say.

    Who answers without looking has chances that add up to 1.
    """

    right_if_yes: float
    right_if_no: float
    unsure: float

    def answer(self, truth: Answer | None, rng: np.random.Generator) -> Answer:
        """Return what a member of this character says; unsure of what has no known truth."""
        if truth is None or rng.random() < self.unsure:
            return Answer.UNSURE
        right = rng.random() < (self.right_if_yes if truth is Answer.YES else self.right_if_no)
        return truth if right else Answer(1 - truth)


@dataclass(frozen=True, slots=True)
class Member:
    """A simulated volunteer who is registered with the service."""

    volunteer: str
    token: str
    character: Character
    rng: np.random.Generator


@dataclass(slots=True)
class Tally:
    """What the crowd did: verdicts by kind, answers by workflow number, gold answers by workflow and being right."""

    verdicts: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    gold: Counter[tuple[int, bool]] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    dealt_at: float = field(default_factory=time.monotonic)
    at_work: int = 0

    @property
    def swipes(self) -> int:
        """How many answers the service stored."""
        return self.verdicts["created"] + self.verdicts["kept"]

    @property
    def seconds(self) -> float:
        """How long the crowd was at it, without the quiet end."""
        return self.dealt_at - self.started

    def add(self, workflow: int, verdicts: Sequence[VerdictOut]) -> None:
        """Count the verdicts on one deck."""
        self.verdicts.update(verdict.verdict for verdict in verdicts)
        self.answers[workflow] += len(verdicts)
        self.gold.update((workflow, each.feedback.right) for each in verdicts if each.feedback is not None)

    @property
    def nobody_is_dealt(self) -> bool:
        """Whether it is time to go home."""
        return not self.at_work and time.monotonic() - self.dealt_at > QUIET_SECONDS


def characters(number: int, rng: np.random.Generator) -> list[Character]:
    """Return characters of varied skill, with a few spammers among them in a random order."""
    spammers = round(number * SPAMMERS)
    spam = [Character(chance, 1 - chance, 0.0) for chance in rng.choice([0.0, 0.5, 1.0], spammers).tolist()]
    size = number - spammers
    skilled = zip(rng.beta(*SKILL_IF_YES, size), rng.beta(*SKILL_IF_NO, size), rng.beta(*UNSURE, size), strict=True)
    mixed = [*spam, *(Character(*map(float, chances)) for chances in skilled)]
    return [mixed[place] for place in rng.permutation(number).tolist()]


async def enrol(phone: Phone, number: int, rng: np.random.Generator) -> list[Member]:
    """Register so many nameless volunteers, each with a character and dice of its own."""
    members: list[Member | None] = [None] * number
    drawn = list(zip(range(number), characters(number, rng), rng.spawn(number), strict=True))

    async def register(place: int, character: Character, dice: np.random.Generator) -> None:
        created = await phone.register()
        members[place] = Member(created.volunteer, created.token, character, dice)

    await all_of(register(*each) for each in drawn)
    return [member for member in members if member is not None]


async def play(
    phone: Phone,
    slug: str,
    members: Sequence[Member],
    truth: Truth,
    tally: Tally,
    seconds: float,
    pace_seconds: float = 0.0,
) -> None:
    """Let the members answer what they may of a project until nothing is left for them, or the time is up."""
    workflows = [workflow for workflow in (await phone.project(slug)).workflows if workflow.state == "active"]
    deadline = time.monotonic() + seconds
    await all_of(_Play(phone, member, workflows, truth, tally, deadline, pace_seconds).run(slug) for member in members)


class _Play:
    """One member's sitting."""

    def __init__(
        self,
        phone: Phone,
        member: Member,
        workflows: Sequence[WorkflowOut],
        truth: Truth,
        tally: Tally,
        deadline: float,
        pace_seconds: float,
    ) -> None:
        self._phone = phone
        self._member = member
        self._workflows = workflows
        self._truth = truth
        self._tally = tally
        self._deadline = deadline
        self._pace_seconds = pace_seconds
        dwell_ms = round(1000 * pace_seconds)
        self._dwell_ms = dwell_ms if dwell_ms >= FASTEST_MS else 0  # a crowd in quick motion does not say

    async def run(self, slug: str) -> None:
        """Answer until nothing is left."""
        levels: Mapping[str, int] = (await self._phone.me(self._member.token)).levels
        mine = [workflow for workflow in self._workflows if workflow.level <= levels.get(slug, 1)]
        while time.monotonic() < self._deadline and not self._tally.nobody_is_dealt:
            order = self._member.rng.permutation(len(mine)).tolist()
            answered = [await self._answer_deck(mine[place]) for place in order]
            if not any(answered):
                await asyncio.sleep(self._member.rng.uniform(*LOOK_AGAIN_SECONDS))

    async def _answer_deck(self, workflow: WorkflowOut) -> bool:
        """Ask for a deck and answer it; say whether there was a card."""
        deck = DeckIn(key=new_id(), size=DECK, width=WIDTH_PX, holding=[])
        try:
            cards = (await self._phone.deck(self._member.token, workflow.id, deck)).cards
        except RefusedError as refused:
            if refused.problem.status not in TAKEN_AWAY:
                raise
            return False
        if cards:
            self._tally.dealt_at = time.monotonic()
            self._tally.at_work += 1
            await self._answer(workflow, cards)
            self._tally.at_work -= 1
        return bool(cards)

    async def _answer(self, workflow: WorkflowOut, cards: Sequence[CardOut]) -> None:
        """Answer the cards in their order, as far as time allows, and send the answers."""
        swipes: list[ClassificationIn] = []
        for card in cards:
            await asyncio.sleep(self._pace_seconds)
            if swipes and time.monotonic() > self._deadline:
                break
            known = self._truth(workflow.name, card.subject)
            answer = self._member.character.answer(known, self._member.rng)
            swipes.append(new_swipe(workflow.id, card.subject, answer, dwell_ms=self._dwell_ms))
        self._tally.add(workflow.id, await self._phone.swipe(self._member.token, swipes))
