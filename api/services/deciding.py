"""Decisions of moderators: what each means to how a person stands, as a table of small functions.

A decision is settled with the person held, so what it finds is what is. The same decision again finds that nothing is
to be done; another one, about what was decided meanwhile, is a conflict, and is told what was decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from api.services.cases import EVERYBODYS_LEVEL, Case
from api.store.promotions import Entry, NewEntry
from mobile_schemas.desk import DecisionIn

Reason = Literal[
    "decided_otherwise",
    "not_a_candidate",
    "unknown_volunteer",
    "no_such_level",
    "yourself",
    "why_needed",
    "deferral_needed",
    "in_the_past",
    "not_held",
    "already",
]

NOTHING_TO_DO: Final = frozenset({"already", "not_held"})
"""Reasons by which a decision is not wrong, but needless."""

DETAILS: Final[Mapping[Reason, str]] = {
    "decided_otherwise": "It was decided meanwhile: {action}, by {by}.",
    "not_a_candidate": "Nobody has proposed them for this level; grant it, or propose them.",
    "unknown_volunteer": "There is no volunteer of this id.",
    "no_such_level": "No workflow of the project asks for this level; {levels}.",
    "yourself": "Nobody decides about themself; another moderator can.",
    "why_needed": "Say why: the volunteer is told, and so are other moderators.",
    "deferral_needed": "Say until when it is put off.",
    "in_the_past": "The time given has passed.",
    "not_held": "They do not hold this level.",
    "already": "It is so already.",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a decision: an entry was made, or why not, with the entry that stands in the way, if any."""

    entry: int | None = None
    reason: Reason | None = None
    standing: Entry | None = None


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, and when."""

    volunteer_id: int
    person_id: int
    now: datetime


async def settle(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    """Settle a decision about the person who is held."""
    reason = _wrong(case, decision, by)
    return Settled(reason=reason) if reason is not None else await _SETTLE[decision.action](case, decision, by)


def _wrong(case: Case, decision: DecisionIn, by: Decider) -> Reason | None:
    """Return what no state of things would allow."""
    if by.person_id == case.whom.person_id:
        return "yourself"
    if decision.action in ("refuse", "defer", "revoke") and decision.why is None:
        return "why_needed"
    if decision.action == "defer" and decision.deferred_until is None:
        return "deferral_needed"
    if decision.action in ("propose", "confirm", "grant") and decision.level not in case.promoting.open_levels:
        return "no_such_level"
    ends = decision.deferred_until if decision.action == "defer" else decision.until
    return "in_the_past" if ends is not None and ends <= by.now else None


async def _confirm(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    if decision.level in case.standing.candidates:
        return await _enter(case, decision, by, "confirmed")
    settled = case.standing.decision(decision.level)
    if settled is None:
        return Settled(reason="not_a_candidate")
    held = decision.level in case.standing.grants
    return Settled(reason="already" if held else "decided_otherwise", standing=settled)


async def _refuse(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    if decision.level in case.standing.candidates:
        return await _enter(case, decision, by, "refused")
    settled = case.standing.decision(decision.level)
    if settled is None:
        return Settled(reason="not_a_candidate")
    return Settled(reason="already" if settled.action == "refused" else "decided_otherwise", standing=settled)


async def _defer(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    candidate = case.standing.candidates.get(decision.level)
    settled = case.standing.decision(decision.level)
    if candidate is None:
        return Settled(reason="not_a_candidate" if settled is None else "decided_otherwise", standing=settled)
    if candidate.deferred_until == decision.deferred_until:
        return Settled(reason="already", standing=case.standing.newest(decision.level, "deferred"))
    assert decision.deferred_until is not None
    entry = await _new(case, decision, by, "deferred")
    return Settled(await case.put_off(entry, decision.deferred_until))


async def _propose(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    if decision.level in case.standing.candidates or decision.level in case.standing.grants:
        return Settled(reason="already", standing=case.standing.newest(decision.level))
    return await _enter(case, decision, by, "proposed_by_moderator")


async def _grant(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    grant = case.standing.grants.get(decision.level)
    wanted = (decision.until, bool(decision.probation_days))
    if grant is not None and (grant.ends_at, grant.on_probation) == wanted:
        return Settled(reason="already", standing=case.standing.decision(decision.level))
    return await _enter(case, decision, by, "granted")


async def _revoke(case: Case, decision: DecisionIn, by: Decider) -> Settled:
    if decision.level not in case.standing.grants:
        return Settled(reason="not_held", standing=case.standing.decision(decision.level))
    return await _enter(case, decision, by, "revoked")


_SETTLE: Final = {
    "confirm": _confirm,
    "refuse": _refuse,
    "defer": _defer,
    "propose": _propose,
    "grant": _grant,
    "revoke": _revoke,
}


async def _enter(case: Case, decision: DecisionIn, by: Decider, action: str) -> Settled:
    return Settled(await case.enter(await _new(case, decision, by, action)))


async def _new(case: Case, decision: DecisionIn, by: Decider, action: str) -> NewEntry:
    giving = decision.action in ("confirm", "grant")
    probation = by.now + timedelta(days=decision.probation_days) if giving and decision.probation_days else None
    return NewEntry(
        level=decision.level,
        action=action,
        made_by="moderator",
        by_volunteer_id=by.volunteer_id,
        why=decision.why,
        evidence=await case.evidence(decision.level),
        ends_at=decision.until if giving else None,
        probation_until=probation,
    )


def detail_of(settled: Settled, case: Case | None) -> str | None:
    """Say in a sentence why nothing was entered."""
    if settled.reason is None:
        return None
    levels = [] if case is None else case.promoting.open_levels
    entry = settled.standing
    return DETAILS[settled.reason].format(
        action="" if entry is None else entry.action,
        by="" if entry is None else _author(entry),
        levels=f"it has {', '.join(map(str, levels))}" if levels else f"it has none above {EVERYBODYS_LEVEL}",
    )


def _author(entry: Entry) -> str:
    if entry.by_volunteer_id is None:
        return {"rule": "the rule", "operator": "the operator", "time": "its end"}.get(entry.made_by, entry.made_by)
    return entry.by_name or f"V{entry.by_volunteer_id}"
