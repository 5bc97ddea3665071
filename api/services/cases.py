"""A case: one person in one project, held until the transaction ends, whatever is decided about their levels meanwhile.

Theory of operation
-------------------
    hold the person  ->  enter what is over  ->  read levels, questions, last entries  ->  enter  ->  close

Every change of a level is an entry of the ledger, and `level_grant`, at which dealing and voting look, is written in
the same transaction. The row of the person is locked, so that of two who decide at once the second sees what the first
has decided. A level that has an end is over by the time alone; its entry follows with the next case or the worker's
round. `close` announces the highest level if it has changed, once for a transaction, and tells the person when it rose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.services.published import Published
from api.services.records import Shown, evidence_view, read_record_since, read_shown, workflows_of
from api.store.engine import Connection
from api.store.promotions import Candidate, Entry, Grant, Known, NewEntry, PromotedProject, PromotionStore
from api.store.records import RecordStore
from gamification.levels import Judgement, Record, Rule, judge

EVERYBODYS_LEVEL: Final = 1

GIVING: Final = frozenset({"confirmed", "granted"})
TAKING: Final = frozenset({"expired", "revoked", "lost"})
ASKING: Final = frozenset({"proposed_by_rule", "proposed_by_moderator", "appealed"})
"""What entries of these kinds do: let somebody hold a level, or hold it no more, or ask moderators."""


@dataclass(frozen=True, slots=True)
class Promoting:
    """A project with its cascade in force and the rules that it declares, by level."""

    project: PromotedProject
    published: Published | None
    rules: Mapping[int, Rule]

    @property
    def open_levels(self) -> list[int]:
        """The levels above everybody's that workflows ask for, in order."""
        asked = set() if self.published is None else {each.level for each in self.published.cascade.workflows}
        return sorted(asked - {EVERYBODYS_LEVEL})

    def opens(self, level: int) -> list[str]:
        """Return the workflows that ask for a level."""
        workflows = () if self.published is None else self.published.cascade.workflows
        return [each.name for each in workflows if each.level == level]


@dataclass(frozen=True, slots=True)
class Standing:
    """The levels that a person holds, what moderators are asked about them, and the last entries of each kind."""

    grants: Mapping[int, Grant]
    candidates: Mapping[int, Candidate]
    last: Mapping[tuple[int, str], Entry]

    @property
    def level(self) -> int:
        """The highest level held."""
        return max(self.grants, default=EVERYBODYS_LEVEL)

    def newest(self, level: int, *actions: str) -> Entry | None:
        """Return the newest entry about a level, of some kinds or of all."""
        of_level = (each for (about, _), each in self.last.items() if about == level)
        found = [each for each in of_level if not actions or each.action in actions]
        return max(found, key=lambda entry: entry.id, default=None)

    def decision(self, level: int) -> Entry | None:
        """Return the entry by which the last question about a level was settled, or the level was given or taken."""
        return self.newest(level, "refused", *GIVING, *TAKING)

    def lost_by_evidence(self, level: int) -> Entry | None:
        """Return the entry by which a level was lost, if it was never given again since."""
        newest = self.newest(level, "lost", *GIVING)
        return newest if newest is not None and newest.action == "lost" else None


async def standings(store: PromotionStore, project_id: int, persons: list[int]) -> dict[int, Standing]:
    """Return how persons stand; what is over is among their levels no more."""
    grants = [each for each in await store.grants(project_id, persons) if not each.over]
    candidates = await store.candidates_of(project_id, persons)
    entries = await store.last_entries(project_id, persons)
    return {
        person: Standing(
            {each.level: each for each in grants if each.person_id == person},
            {each.level: each for each in candidates if each.person_id == person},
            {(each.level, each.action): each for each in entries if each.person_id == person},
        )
        for person in persons
    }


async def judged(
    store: RecordStore, promoting: Promoting, standing: Standing, shown: Shown, rule: Rule, person_id: int
) -> tuple[Record, Judgement]:
    """Hold a rule against what somebody has shown; return the record that counts for it, too.

    Whoever holds the level by a person's word may lose it by what came after that; whoever has lost it by evidence
    reaches it again by what came after that.
    """
    grant = standing.grants.get(rule.level)
    if grant is not None:
        record = shown.record if grant.made_by == "rule" else shown.since(grant.granted_at)
        return record, judge(rule, record, on_probation=grant.on_probation)
    lost = standing.lost_by_evidence(rule.level)
    record = shown.record
    if lost is not None:
        workflows = workflows_of(promoting.published)
        record = await read_record_since(store, workflows, person_id, lost.created_at, shown)
    return record, judge(rule, record)


class Case:
    """One person's levels in one project; made by `hold`."""

    def __init__(self, connection: Connection, promoting: Promoting, whom: Known) -> None:
        self.promoting = promoting
        self.whom = whom
        self._store = PromotionStore(connection)
        self._records = RecordStore(connection)
        self._shown: Shown | None = None
        self._before = EVERYBODYS_LEVEL
        self._last_action = ""
        self.standing = Standing({}, {}, {})

    @classmethod
    async def hold(cls, connection: Connection, promoting: Promoting, whom: Known) -> "Case":
        """Lock a person inside a transaction, and enter what is over."""
        case = cls(connection, promoting, whom)
        await case._store.hold_person(whom.person_id)
        await case._enter_what_is_over()
        await case._look()
        return case

    async def enter(self, entry: NewEntry) -> int:
        """Enter something, and let it be so; return the entry's number."""
        number = await self._write(entry)
        await self._look()
        return number

    async def close(self) -> None:
        """Announce the highest level if it has changed since `hold`."""
        after = self.standing.level
        await self._announce(self._before, after)
        self._before = after

    async def shown(self) -> Shown:
        """Return what the person has shown, read once."""
        if self._shown is None:
            workflows, person = workflows_of(self.promoting.published), self.whom.person_id
            found = await read_shown(self._records, self.promoting.project.id, workflows, [person], answers_of=[person])
            self._shown = found[person]
        return self._shown

    async def judge(self, rule: Rule) -> tuple[Record, Judgement]:
        """Hold a rule against what the person has shown."""
        return await judged(self._records, self.promoting, self.standing, await self.shown(), rule, self.whom.person_id)

    async def evidence(self, level: int) -> dict[str, Any]:
        """Return what the person has shown, held against the rule of a level if there is one."""
        rule = self.promoting.rules.get(level)
        if rule is None:
            return evidence_view((await self.shown()).record, self.promoting.published, None, None)
        record, judgement = await self.judge(rule)
        return evidence_view(record, self.promoting.published, rule, judgement)

    async def _look(self) -> None:
        person = self.whom.person_id
        self.standing = (await standings(self._store, self.promoting.project.id, [person]))[person]

    async def _enter_what_is_over(self) -> None:
        """Enter the ends that have come. What was held until then is what is announced as held before."""
        grants = await self._store.grants(self.promoting.project.id, [self.whom.person_id])
        before = max((each.level for each in grants), default=EVERYBODYS_LEVEL)
        after = max((each.level for each in grants if not each.over), default=EVERYBODYS_LEVEL)
        self._before = after
        for grant in (each for each in grants if each.over):
            await self._look()
            await self._write(
                NewEntry(
                    level=grant.level,
                    action="expired",
                    made_by="time",
                    evidence=await self.evidence(grant.level),
                    ends_at=grant.ends_at,
                )
            )
        if before != after:
            await self._announce(before, after)

    async def _write(self, entry: NewEntry) -> int:
        project, person = self.promoting.project.id, self.whom.person_id
        number = await self._store.enter(project, self.whom, entry)
        self._last_action = entry.action
        if entry.action in ASKING:
            await self._store.ask(project, person, entry.level, number)
        if entry.action in TAKING:
            await self._store.take(project, person, entry.level)
        if entry.action in GIVING:
            await self._store.give(project, person, entry, number)
        if entry.action in GIVING or entry.action == "refused":
            await self._store.settle(project, person, entry.level)
        return number

    async def _announce(self, before: int, after: int) -> None:
        if before == after:
            return
        await self._store.announce(self.promoting.project.id, self.whom.id, after, before, self._last_action)
        if after > before:
            await self._store.tell(self.whom.person_id, self.promoting.project, after)

    async def put_off(self, entry: NewEntry, until: datetime) -> int:
        """Enter that a question is put off, and ask again later."""
        number = await self._write(entry)
        await self._store.put_off(self.promoting.project.id, self.whom.person_id, entry.level, until)
        await self._look()
        return number
