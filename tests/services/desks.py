"""A desk over a campaign: moderators who decide, people about whom they decide, and what they have shown."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from api.caller import Caller, Role, Scope
from api.services.cases import Promoting
from api.services.house import Services
from api.services.judging import Judging
from api.services.project_rules import ProjectRules
from api.services.promotions import Promotions
from api.services.published import PublishedCascades
from api.store.engine import Connection, Pool
from gamification.levels import Rule
from mobile_schemas.desk import DecisionIn, DecisionOut, DecisionsIn, DecisionsOut, PromotionsOut, PromotionsQuery
from mobile_schemas.levels import LedgerEntryOut
from mobile_schemas.volunteers import volunteer_id
from tests.services.campaigns import Campaign, Word, a_campaign, a_person, a_swipe, deal_named, submit

TWO_LEVELS_MORE = """
project: lenses
workflows:
  - {name: arc, question: "An arc?", policy: {count: 2}, audit: 0, then: {yes: lens, no: retire}}
  - {name: lens, question: "A lens?", level: 2, policy: {count: 2}, audit: 0, then: {yes: rare, no: retire}}
  - {name: rare, question: "A rare one?", level: 3, policy: {count: 2}, audit: 0}
"""

DAY = 86_400


@dataclass(frozen=True)
class DeskOf:
    """A campaign with its moderators, and rules that are judged by."""

    services: Services
    campaign: Campaign
    promotions: Promotions
    judging: Judging
    rules: ProjectRules
    published: PublishedCascades

    @property
    def database(self) -> Connection:
        """A look behind the services."""
        return self.campaign.database

    async def moderator(self, name: str = "Caroline") -> Caller:
        """Add a moderator."""
        caller = await a_person(self.campaign)
        await self.database.execute("UPDATE volunteer SET name = $2 WHERE id = $1", caller.volunteer_id, name)
        roles = {self.campaign.project: frozenset({Role.MODERATOR, Role.VOLUNTEER})}
        return Caller(caller.volunteer_id, caller.person_id, name, Scope.SESSION, None, "login", roles)

    async def promoting(self) -> Promoting:
        """Return the project with its rules."""
        return await self.rules.by_slug(self.database, "lenses")

    async def decide(self, moderator: Caller, whom: Caller, action: str, level: int = 2, **more: Any) -> DecisionOut:
        """Let a moderator decide one thing."""
        preview = more.pop("preview", False)
        decision = DecisionIn.model_validate(
            {"volunteer": volunteer_id(whom.volunteer_id), "level": level, "action": action, **more}
        )
        reply = await self.promotions.decide(moderator, "lenses", DecisionsIn(decisions=[decision], preview=preview))
        [outcome] = DecisionsOut.model_validate_json(to_json(reply)).decisions
        return outcome

    async def ledger(self, moderator: Caller, **query: Any) -> list[LedgerEntryOut]:
        """Return the ledger, the oldest first."""
        reply = await self.promotions.ledger(moderator, "lenses", PromotionsQuery(**query))
        return PromotionsOut.model_validate_json(to_json(reply)).entries[::-1]

    async def actions(self) -> list[str]:
        """Return the kinds of all entries, the oldest first."""
        return [row[0] for row in await self.database.fetch("SELECT action FROM promotion ORDER BY id")]

    async def level(self, whom: Caller) -> int:
        """Return the highest level that somebody holds."""
        return (await self.services.volunteers.me(whom))["levels"].get("lenses", 1)  # type: ignore[no-any-return]  # of a view

    async def events(self) -> list[tuple[int, int, str]]:
        """Return the changes of highest levels that were announced: before, after, by what."""
        rows = await self.database.fetch(
            "SELECT detail->'before', detail->'level', detail->>'action' FROM outbox"
            " WHERE kind = 'volunteer.levelled' ORDER BY id"
        )
        return [(int(row[0]), int(row[1]), row[2]) for row in rows]

    async def train(self, whom: Caller, *, right: int, wrong: int = 0, skip: int = 0) -> None:
        """Let somebody answer training subjects of both truths in turn: first so many of each rightly, then wrongly."""
        by_name = Caller(whom.volunteer_id, whom.person_id, None, Scope.IMPORT, self.campaign.project, "api")
        sides = [[subject for subject, truth in self.campaign.gold.items() if truth == side] for side in (0, 1)]
        chosen = [side[skip : skip + right + wrong] for side in sides]
        assert all(len(side) == right + wrong for side in chosen), "the campaign has too little gold"
        await deal_named(self.services, by_name, self.campaign.arc, *chosen[0], *chosen[1])
        for place, pair in enumerate(zip(*chosen, strict=True)):
            words: tuple[Word, Word] = ("no", "yes") if place < right else ("yes", "no")
            swipes = [a_swipe(self.campaign.arc, subject, word) for subject, word in zip(pair, words, strict=True)]
            await submit(self.services, whom, *swipes)

    async def judge(self, *whom: Caller) -> None:
        """Hold the rules against what somebody has shown, as the worker does after a check."""
        for each in whom:
            await self.database.execute(
                "INSERT INTO level_check (project_id, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                self.campaign.project,
                each.person_id,
            )
        await self.judging.turn(self.database)

    async def let_pass(self, days: float) -> None:
        """Let the ledger, the levels and the votes be so much older."""
        for table, columns in {
            "promotion": ("created_at",),
            "level_grant": ("granted_at", "ends_at", "probation_until"),
            "card": ("received_at",),
        }.items():
            moved = ", ".join(f"{column} = {column} - make_interval(secs => $1)" for column in columns)
            await self.database.execute(f"UPDATE {table} SET {moved}", days * DAY)


async def a_desk(
    services: Services, database: Connection, pool: Pool, *rules: Rule, gold: tuple[int, int] = (60, 60)
) -> DeskOf:
    """Publish a campaign of three levels, of which some are reached by rules."""
    campaign = await a_campaign(services, database, TWO_LEVELS_MORE, subjects=3, gold=gold)
    published = PublishedCascades(lambda _: rules)
    projects = ProjectRules(published)
    return DeskOf(services, campaign, Promotions(pool, projects), Judging(projects), projects, published)


def later(days: float) -> datetime:
    """Return a moment in some days."""
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() + days * DAY, UTC)
