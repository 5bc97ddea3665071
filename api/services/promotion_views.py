"""Entries of the ledger and people, as the contract has them."""

import json
from typing import Any

from api.store.promotions import Entry, Grant
from mobile_schemas.volunteers import volunteer_id

View = dict[str, Any]


def person_ref(number: int | None, name: str | None) -> View | None:
    """Return how somebody is named to moderators."""
    return None if number is None else {"volunteer": volunteer_id(number), "name": name}


def entry_brief(entry: Entry) -> View:
    """Return an entry without its evidence (`EntryBriefOut`)."""
    return {
        "id": entry.id,
        "volunteer": volunteer_id(entry.volunteer_id),
        "name": entry.name,
        "level": entry.level,
        "action": entry.action,
        "made_by": entry.made_by,
        "by": person_ref(entry.by_volunteer_id, entry.by_name),
        "why": entry.why,
        "ends_at": entry.ends_at,
        "probation_until": entry.probation_until,
        "at": entry.created_at,
    }


def entry_view(entry: Entry) -> View:
    """Return an entry with its evidence (`LedgerEntryOut`)."""
    return entry_brief(entry) | {"evidence": None if entry.evidence is None else json.loads(entry.evidence)}


def held_view(grant: Grant) -> View:
    """Return a level that is held (`HeldLevelOut`)."""
    return {
        "level": grant.level,
        "since": grant.granted_at,
        "ends_at": grant.ends_at,
        "probation_until": grant.probation_until if grant.on_probation else None,
    }


def my_decision(entry: Entry) -> View:
    """Return an entry as it is told to whom it is about (`MyDecisionOut`): moderators are not named."""
    return {
        "action": entry.action,
        "made_by": entry.made_by,
        "why": entry.why,
        "at": entry.created_at,
        "ends_at": entry.ends_at,
        "probation_until": entry.probation_until,
    }
