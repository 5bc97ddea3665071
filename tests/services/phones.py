"""Phones that stumble: what they send, how it breaks, and what they have been told."""

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from api.caller import Caller
from api.errors import DatabaseUnavailableError
from api.services.ballot import Swipe
from api.store.failures import UNREACHABLE
from cascade.vocabulary import EntryKind
from mobile_schemas.classifications import ClassificationIn, ClassificationsIn, RetractionIn, RetractionsIn
from tests.services.campaigns import Campaign, Word, a_swipe, deal
from tests.services.crashing import Crash, KilledError, Process, crash

VOTE, BACK = int(EntryKind.VOTE), int(EntryKind.RETRACTION)
WORDS: tuple[Word, ...] = ("no", "yes", "unsure")
LOST: tuple[type[BaseException], ...] = (KilledError, DatabaseUnavailableError, *UNREACHABLE)

Kind = Literal["deal", "swipe", "resend", "retract", "retract early", "change"]


@dataclass(frozen=True)
class Action:
    """One thing that a phone does, and how it breaks. `picks` choose among what the phone has; any number will do."""

    kind: Kind
    person: int
    workflow: str
    picks: tuple[int, ...]
    crash: Crash
    grouped: bool


@dataclass
class Phone:
    """A phone: the cards that it has seen, all that it has sent, and what it has been told."""

    caller: Caller
    process: Process
    campaign: Campaign
    cards: list[tuple[int, int]] = field(default_factory=list)
    sent: dict[UUID, ClassificationIn] = field(default_factory=dict)
    told: dict[UUID, str] = field(default_factory=dict)
    acknowledged: set[UUID] = field(default_factory=set)
    taken_back: dict[UUID, str | None] = field(default_factory=dict)

    async def do(self, action: Action) -> None:
        """Do one thing; whoever loses the reply does not learn what became of it."""
        crash.set(action.crash)
        try:
            await self._do(action)
        except LOST:
            return

    def _do(self, action: Action) -> Coroutine[Any, Any, None]:
        match action.kind:
            case "deal":
                return self.deal(self.campaign.workflows[action.workflow], len(action.picks))
            case "swipe":
                return self.send(self._answers(action.picks), grouped=action.grouped)
            case "resend":
                return self.send(picked(list(self.sent.values()), action.picks), grouped=action.grouped)
            case "retract":
                return self.retract(picked(list(self.sent)[6:], action.picks))  # the first six were gold
            case "retract early":
                return self.retract([swipe.id for swipe in self._answers(action.picks[:1])])
            case "change":
                return self.send(self._answers(action.picks, again=True), grouped=action.grouped)

    def _answers(self, picks: tuple[int, ...], *, again: bool = False) -> list[ClassificationIn]:
        """Swipe some of the cards: those that were not swiped yet, or, `again`, any of them."""
        swiped = {(swipe.workflow, int(swipe.subject[1:])) for swipe in self.sent.values()}
        cards = self.cards if again else [card for card in self.cards if card not in swiped]
        swipes = [
            a_swipe(workflow, subject, leaning(subject, pick), flag=pick % 11 == 0, favourite=pick % 5 == 0)
            for pick, (workflow, subject) in zip(picks, picked(cards, picks), strict=False)
        ]
        self.sent |= {swipe.id: swipe for swipe in swipes}
        return swipes

    async def deal(self, workflow: int, size: int) -> None:
        deck = await deal(self.process, self.caller, workflow, size)
        known = dict.fromkeys([*self.cards, *((workflow, int(card.subject[1:])) for card in deck.cards)])
        self.cards = list(known)

    async def send(self, swipes: list[ClassificationIn], *, grouped: bool = True) -> None:
        """Send swipes: through the group commit with those of others, or in a transaction of their own."""
        if not swipes:
            return
        if grouped:
            batch = ClassificationsIn(classifications=swipes)
            verdicts = (await self.process.classifications.submit(self.caller, batch))["verdicts"]
        else:
            own = [Swipe(self.caller, swipe, int(swipe.subject[1:])) for swipe in swipes]
            verdicts = await self.process.classifications.count(own)
        self.told |= {verdict["id"]: verdict["verdict"] for verdict in verdicts}
        self.acknowledged |= {verdict["id"] for verdict in verdicts if verdict["verdict"] not in ("rejected", "retry")}

    async def retract(self, ids: list[UUID]) -> None:
        """Take votes back, those too that have not arrived."""
        if not ids:
            return
        self.taken_back |= {each: None for each in ids if each not in self.taken_back}
        batch = RetractionsIn(retractions=[RetractionIn(id=each) for each in ids])
        reply = await self.process.retractions.retract(self.caller, batch)
        self.taken_back |= {verdict["id"]: verdict["verdict"] for verdict in reply["verdicts"]}

    async def settle(self) -> None:
        """Send everything again until all of it is acknowledged, as a phone does that finds a network."""
        crash.set(Crash.NONE)
        for _ in range(10):
            waiting = [swipe for swipe in self.sent.values() if self.told.get(swipe.id, "retry") == "retry"]
            unheard = [each for each, verdict in self.taken_back.items() if verdict in (None, "retry")]
            if not waiting and not unheard:
                return
            try:
                await self.send(waiting)
                await self.retract(unheard)
            except LOST:  # a connection that a crash has cut, and that nobody has noticed yet
                continue
        raise AssertionError(f"not everything is acknowledged: {self.told}, {self.taken_back}")

    def misses(self, stored: Mapping[tuple[int, UUID], Sequence[int]]) -> Iterator[str]:
        """Yield the swipes and retractions whose acknowledgement the ledger does not bear out.

        `stored` has the kinds of the entries of each person and id.
        """
        for each in self.acknowledged:
            if stored[self.caller.person_id, each].count(VOTE) != 1:
                yield f"the vote {each} was acknowledged, and is not stored once"
        for each, verdict in self.taken_back.items():
            entries = stored[self.caller.person_id, each]
            if (verdict == "retracted" and BACK not in entries) or (
                verdict in ("awaited", "rejected") and BACK in entries
            ):
                yield f"the retraction of {each} was {verdict}, and the ledger has {entries}"


def word(number: int) -> Word:
    """Return the answer that a number stands for."""
    return WORDS[number % 3]


def leaning(subject: int, number: int) -> Word:
    """Return the answer that a number stands for, which is mostly the same for one subject."""
    return word(subject % 2 if number % 5 else number)


def picked(things: list[Any], picks: tuple[int, ...]) -> list[Any]:
    """Return the things that the picks choose, each once, in the order of the picks."""
    return list({pick % len(things): things[pick % len(things)] for pick in picks}.values()) if things else []


@dataclass(frozen=True)
class Noise:
    """How a phone stumbles before it gets an order through, and what it sends once more afterwards."""

    crashes: tuple[Crash, ...]
    backwards: bool
    again: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """Votes that a person gives together, or takes back together."""

    person: int
    swipes: tuple[ClassificationIn, ...] = ()
    back: tuple[UUID, ...] = ()
    noise: Noise | None = None

    async def reach(self, phone: Phone) -> None:
        """Get through, however often it takes."""
        crashes = self.noise.crashes if self.noise else ()
        swipes = list(reversed(self.swipes) if self.noise and self.noise.backwards else self.swipes)
        phone.sent |= {swipe.id: swipe for swipe in swipes}
        for planned in crashes:
            crash.set(planned)
            with suppress(*LOST):
                await phone.send(swipes, grouped=False)
                await phone.retract(list(self.back))
        await phone.settle()
        if self.back:
            phone.taken_back |= dict.fromkeys(self.back)
            await phone.settle()
        if self.noise and self.noise.again:
            await phone.send(picked(list(phone.sent.values()), self.noise.again))
            await phone.retract(picked(list(phone.taken_back), self.noise.again))
