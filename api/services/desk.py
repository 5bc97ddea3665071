"""The desk: candidates and people, with all that moderators decide by."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from api.caller import Caller
from api.services.cases import Promoting, Standing, judged, standings
from api.services.moderation import ban_view, note_view, report_view
from api.services.names import compared
from api.services.project_rules import ProjectRules
from api.services.promotion_views import View, entry_brief, entry_view, held_view, person_ref
from api.services.promotions import moderates, volunteer_of
from api.services.reachable import reachable
from api.services.records import Shown, evidence_view, read_shown, workflows_of
from api.services.views import card_view
from api.store.desk import DeskStore, PersonBrief, Search
from api.store.engine import Connection, Pool
from api.store.promotions import Candidate, Entry, Known, PromotionStore
from api.store.records import GoldAnswer, RecordStore
from cascade.graph import EXPERT
from cascade.vocabulary import Answer
from mobile_schemas.desk import CandidatesQuery, PeopleQuery, PersonQuery
from mobile_schemas.subjects import subject_id
from mobile_schemas.volunteers import volunteer_id

EARLIER: Final = 10
"""Entries of the ledger that are shown beside a candidate."""

NEWEST: Final = 50
"""Entries, notes, reports and bans that are shown of somebody."""

_PUBLIC_ID: Final = re.compile(r"[Vv]([1-9][0-9]{0,17})")


class Desk:
    """Shows moderators the people of a project."""

    def __init__(self, pool: Pool, projects: ProjectRules) -> None:
        self._pool = pool
        self._projects = projects

    @reachable
    async def candidates(self, caller: Caller, slug: str, query: CandidatesQuery) -> View:
        """Return candidates (`mobile_schemas.desk.CandidatesOut`). Raises UnknownProjectError, NotAllowedError."""
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            moderates(caller, promoting.project.id, slug)
            store = PromotionStore(connection)
            found = await store.queue(promoting.project.id, query.after, query.level, query.show, query.limit + 1)
            shown, complete = found[: query.limit], len(found) <= query.limit
            return {
                "candidates": await _candidates(connection, promoting, shown),
                "waiting": await store.waiting(promoting.project.id),
                "complete": complete,
                "cursor": None if complete else shown[-1].promotion_id,
            }

    @reachable
    async def people(self, caller: Caller, slug: str, query: PeopleQuery) -> View:
        """Return whom a search finds (`mobile_schemas.desk.PeopleOut`). Raises UnknownProjectError, NotAllowedError."""
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            moderates(caller, promoting.project.id, slug)
            store = DeskStore(connection)
            found = await store.people(promoting.project.id, _search(query), query.limit + 1)
            shown, complete = found[: query.limit], len(found) <= query.limit
            briefs = await store.briefs(promoting.project.id, shown)
        return {
            "people": [_brief_view(briefs[number]) for number in shown],
            "complete": complete,
            "cursor": None if complete else shown[-1],
        }

    @reachable
    async def person(self, caller: Caller, slug: str, volunteer: str, query: PersonQuery) -> View:
        """Return all about somebody (`mobile_schemas.desk.PersonDetailOut`).

        Raises
        ------
        UnknownProjectError, NotAllowedError
            As for the others.
        UnknownVolunteerError
            There is no such volunteer, or they have left.
        """
        async with self._pool.acquire() as connection:
            promoting = await self._projects.by_slug(connection, slug, caller.sight)
            moderates(caller, promoting.project.id, slug)
            whom = await volunteer_of(connection, volunteer)
            return await _person(connection, promoting, whom, query)


async def _candidates(connection: Connection, promoting: Promoting, found: Sequence[Candidate]) -> list[View]:
    project, persons = promoting.project.id, list(dict.fromkeys(each.person_id for each in found))
    store, records = PromotionStore(connection), RecordStore(connection)
    entries = await store.entries_named([each.promotion_id for each in found])
    briefs = await DeskStore(connection).briefs(project, [entries[each.promotion_id].volunteer_id for each in found])
    held = await standings(store, project, persons)
    shown = await read_shown(records, project, workflows_of(promoting.published), persons, answers_of=persons)
    earlier: dict[int, list[Entry]] = defaultdict(list)
    for entry in await store.entries_of_each(project, persons, EARLIER):
        earlier[entry.person_id].append(entry)
    views = []
    for each in found:
        asking = entries[each.promotion_id]
        evidence = await _evidence(records, promoting, held[each.person_id], shown[each.person_id], each)
        brief = briefs[asking.volunteer_id]
        views.append(_candidate_view(promoting, each, asking, brief, evidence, earlier[each.person_id]))
    return views


async def _evidence(
    records: RecordStore, promoting: Promoting, standing: Standing, shown: Shown, about: Candidate
) -> View:
    """Return what a candidate has shown now, held against the rule of the level if there is one."""
    return await _held_against(records, promoting, standing, shown, about.level, about.person_id)


async def _held_against(
    records: RecordStore, promoting: Promoting, standing: Standing, shown: Shown, level: int, person_id: int
) -> View:
    rule = promoting.rules.get(level)
    if rule is None:
        return evidence_view(shown.record, promoting.published, None, None)
    record, judgement = await judged(records, promoting, standing, shown, rule, person_id)
    return evidence_view(record, promoting.published, rule, judgement)


def _level_name(promoting: Promoting, level: int) -> str:
    """Return what the cascade calls a level."""
    declared = () if promoting.published is None else promoting.published.cascade.levels
    named = next((each.name for each in declared if each.level == level), None)
    return named or ("expert" if level == EXPERT else str(level))


def _candidate_view(
    promoting: Promoting,
    candidate: Candidate,
    asking: Entry,
    brief: PersonBrief,
    evidence: View,
    earlier: Sequence[Entry],
) -> View:
    return {
        "volunteer": volunteer_id(brief.id),
        "name": brief.name,
        "level": candidate.level,
        "level_name": _level_name(promoting, candidate.level),
        "opens": promoting.opens(candidate.level),
        "held": brief.level,
        "since": candidate.since,
        "proposed_by": entry_brief(asking),
        "deferred_until": candidate.deferred_until,
        "evidence": evidence,
        "reports_open": brief.reports_open,
        "banned": brief.banned,
        "earlier": [entry_brief(each) for each in earlier if each.id != asking.id],
    }


def _search(query: PeopleQuery) -> Search:
    number = _PUBLIC_ID.fullmatch(query.q.strip())
    part = "" if number else compared(query.q)
    return Search(query.after, int(number[1]) if number else 0, part, query.level, query.only)


def _brief_view(brief: PersonBrief) -> View:
    view = brief._asdict()
    del view["id"], view["person_id"]
    return {"volunteer": volunteer_id(brief.id), **view}


async def _person(connection: Connection, promoting: Promoting, whom: Known, query: PersonQuery) -> View:
    project, person = promoting.project.id, whom.person_id
    desk, store, records = DeskStore(connection), PromotionStore(connection), RecordStore(connection)
    brief = (await desk.briefs(project, [whom.id]))[whom.id]
    standing = (await standings(store, project, [person]))[person]
    workflows = workflows_of(promoting.published)
    shown = (await read_shown(records, project, workflows, [person], answers_of=[person]))[person]
    criteria = [
        {
            "level": level,
            "held": level in standing.grants,
            "evidence": await _held_against(records, promoting, standing, shown, level, person),
        }
        for level in sorted(promoting.rules)
    ]
    return {
        **_brief_view(brief),
        "also_known_as": [person_ref(*each) for each in await desk.others(person, whom.id)],
        "held": [held_view(each) for each in standing.grants.values()],
        "open_levels": promoting.open_levels,
        "evidence": evidence_view(shown.record, promoting.published, None, None),
        "criteria": criteria,
        **await _examples(records, shown, query),
        "entries": [entry_view(each) for each in await store.entries(project, 0, [person], 0, "", NEWEST)],
        "notes": [note_view(each) for each in await desk.notes(project, person, NEWEST)],
        "reports": [report_view(each) for each in await desk.reports(project, 0, "all", person, NEWEST)],
        "bans": [ban_view(each) for each in await desk.bans(project, person, NEWEST)],
    }


async def _examples(records: RecordStore, shown: Shown, query: PersonQuery) -> View:
    """Return the last training answers that were right, and those that were not, with their pictures."""
    answers = sorted(
        ((each, name) for name, given in shown.answers.items() for each in given),
        key=lambda pair: pair[0].at,
        reverse=True,
    )
    chosen = {
        word: [pair for pair in answers if (pair[0].answer == pair[0].truth) == fine][: query.examples]
        for word, fine in (("right", True), ("wrong", False))
    }
    every = [*chosen["right"], *chosen["wrong"]]
    pictures = await records.pictures(list({each.subject_id for each, _ in every}))
    explanations = await records.explanations([(each.subject_id, name) for each, name in every])
    return {
        word: [
            _example_view(each, name, explanations.get((each.subject_id, name)))
            | card_view(*pictures[each.subject_id], query.width)
            for each, name in pairs
        ]
        for word, pairs in chosen.items()
    }


def _example_view(answer: GoldAnswer, workflow: str, explanation: str | None) -> View:
    return {
        "subject": subject_id(answer.subject_id),
        "workflow": workflow,
        "truth": Answer(answer.truth).word,
        "answer": Answer(answer.answer).word,
        "right": answer.answer == answer.truth,
        "explanation": explanation,
        "at": answer.at,
    }
