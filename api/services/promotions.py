"""Promotions: what moderators decide about levels, the ledger of it, and volunteers' appeals.

Each person is a transaction of its own: of a hundred decisions at once, none waits for another.
A preview does exactly what would be done, and takes it back.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from api.caller import Caller, Role
from api.errors import NotAllowedError, UnknownVolunteerError
from api.moderation_errors import NothingToAppealError
from api.services.cases import EVERYBODYS_LEVEL, Case, Promoting
from api.services.deciding import NOTHING_TO_DO, Decider, Settled, detail_of, settle
from api.services.project_rules import ProjectRules
from api.services.promotion_views import View, entry_view
from api.services.reachable import reachable
from api.store.engine import Connection, Pool
from api.store.promotions import Known, NewEntry, PromotionStore
from mobile_schemas.desk import AppealIn, DecisionIn, DecisionsIn, PromotionsQuery

APPEALABLE: Final = ("refused", "lost", "revoked")
"""Kinds of entries against which a volunteer may appeal, once."""


def moderates(caller: Caller, project_id: int, slug: str) -> None:
    """Raise NotAllowedError unless the caller may do what moderators of a project do."""
    if not caller.may(Role.MODERATOR, project_id):
        raise NotAllowedError(f"this is for moderators of {slug}; this token is not one of theirs")


def number_of(volunteer: str) -> int:
    """Return the number in a public id: V7 is 7."""
    return int(volunteer[1:])


async def volunteer_of(connection: Connection, volunteer: str) -> Known:
    """Return the volunteer of a public id. Raises UnknownVolunteerError."""
    found = await PromotionStore(connection).volunteers([number_of(volunteer)])
    if not found:
        raise UnknownVolunteerError(volunteer)
    return next(iter(found.values()))


class Promotions:
    """Decides about levels, and shows what was decided."""

    def __init__(self, pool: Pool, projects: ProjectRules) -> None:
        self._pool = pool
        self._projects = projects

    @reachable
    async def decide(self, caller: Caller, slug: str, wanted: DecisionsIn) -> View:
        """Settle decisions, in their order, as the contract has it (`mobile_schemas.desk.DecisionsOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is no moderator's.
        """
        by = Decider(caller.volunteer_id, caller.person_id, datetime.now(UTC))
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            moderates(caller, promoting.project.id, slug)
            numbers = [number_of(each.volunteer) for each in wanted.decisions]
            known = await PromotionStore(connection).volunteers(numbers)
            outcomes: dict[int, View] = {}
            for places in _by_person(numbers, known).values():
                decisions = {place: wanted.decisions[place] for place in places}
                whom = known[numbers[places[0]]]
                outcomes |= await _settle(connection, promoting, whom, decisions, by, preview=wanted.preview)
        return {
            "preview": wanted.preview,
            "decisions": [outcomes.get(place) or _unknown(each) for place, each in enumerate(wanted.decisions)],
        }

    @reachable
    async def ledger(self, caller: Caller, slug: str, query: PromotionsQuery) -> View:
        """Return entries of the ledger (`mobile_schemas.desk.PromotionsOut`).

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NotAllowedError
            The token is no moderator's.
        UnknownVolunteerError
            Entries about somebody are asked for who is not known.
        """
        async with self._pool.acquire() as connection:
            store = PromotionStore(connection)
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            moderates(caller, promoting.project.id, slug)
            persons = None
            if query.volunteer:
                whom = (await store.volunteers([number_of(query.volunteer)])).values()
                if not whom:
                    raise UnknownVolunteerError(query.volunteer)
                persons = [each.person_id for each in whom]
            action = "" if query.action == "all" else query.action
            found = await store.entries(
                promoting.project.id, query.after, persons, query.level, action, query.limit + 1
            )
        shown, complete = found[: query.limit], len(found) <= query.limit
        return {
            "entries": [entry_view(each) for each in shown],
            "complete": complete,
            "cursor": None if complete else shown[-1].id,
        }

    @reachable
    async def appeal(self, caller: Caller, slug: str, appeal: AppealIn) -> View:
        """Ask moderators to look again at what was decided last about a level.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        NothingToAppealError
            The last word about the level is no refusal, loss or revocation, or was appealed against already.
        """
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            async with connection.transaction():
                case = await Case.hold(connection, promoting, Known(caller.volunteer_id, caller.person_id, caller.name))
                last = case.standing.newest(appeal.level)
                if last is None or last.action not in APPEALABLE:
                    raise NothingToAppealError(slug, appeal.level)
                await case.enter(
                    NewEntry(
                        level=appeal.level,
                        action="appealed",
                        made_by="volunteer",
                        by_volunteer_id=caller.volunteer_id,
                        why=appeal.why,
                        evidence=await case.evidence(appeal.level),
                    )
                )
                await case.close()
                since = case.standing.candidates[appeal.level].since
        return {"level": appeal.level, "since": since}


def _by_person(numbers: Sequence[int], known: Mapping[int, Known]) -> dict[int, list[int]]:
    """Return the places of decisions about each person that is known."""
    places: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        if number in known:
            places.setdefault(known[number].person_id, []).append(place)
    return places


async def _settle(
    connection: Connection,
    promoting: Promoting,
    whom: Known,
    decisions: Mapping[int, DecisionIn],
    by: Decider,
    *,
    preview: bool,
) -> dict[int, View]:
    """Settle the decisions about one person in one transaction, which a preview takes back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        case = await Case.hold(connection, promoting, whom)
        outcomes = {}
        for place, decision in decisions.items():
            before = case.standing.level
            settled = await settle(case, decision, by)
            outcomes[place] = await _outcome(connection, case, decision, settled, before, preview=preview)
        await case.close()
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if preview else transaction.commit())
    return outcomes


async def _outcome(
    connection: Connection, case: Case, decision: DecisionIn, settled: Settled, before: int, *, preview: bool
) -> View:
    entry = settled.standing
    if settled.entry is not None:
        entry = None if preview else (await PromotionStore(connection).entries_named([settled.entry]))[settled.entry]
    return {
        **_asked(decision),
        "name": case.whom.name,
        "outcome": _word(settled),
        "reason": settled.reason,
        "detail": detail_of(settled, case),
        "before": before,
        "after": case.standing.level,
        "entry": None if entry is None else entry_view(entry),
        "evidence": await case.evidence(decision.level),
    }


def _word(settled: Settled) -> str:
    if settled.reason is None:
        return "ok"
    return "nothing_to_do" if settled.reason in NOTHING_TO_DO else "conflict"


def _unknown(decision: DecisionIn) -> View:
    settled = Settled(reason="unknown_volunteer")
    return {
        **_asked(decision),
        "name": None,
        "outcome": "conflict",
        "reason": settled.reason,
        "detail": detail_of(settled, None),
        "before": EVERYBODYS_LEVEL,
        "after": EVERYBODYS_LEVEL,
        "entry": None,
        "evidence": None,
    }


def _asked(decision: DecisionIn) -> dict[str, Any]:
    return {"volunteer": decision.volunteer, "level": decision.level, "action": decision.action}
