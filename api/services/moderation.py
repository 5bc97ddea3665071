"""Keeping the peace: notes about people, and reports of what is wrong."""

from typing import Final

from api.caller import Caller, Role
from api.errors import NotAllowedError, UnknownProjectError, UnknownSubjectError
from api.moderation_errors import ReportClosedError, TooManyReportsError, UnknownReportError
from api.services.promotion_views import View, person_ref
from api.services.promotions import moderates, number_of, volunteer_of
from api.services.reachable import reachable
from api.store.desk import Ban, DeskStore, Note, Report
from api.store.engine import Connection, Pool
from api.store.promotions import PromotionStore
from mobile_schemas.moderation import ReportIn, ReportsQuery
from mobile_schemas.subjects import subject_id
from mobile_schemas.volunteers import volunteer_id

REPORTS_A_DAY: Final = 20
"""What one person may report in a project in 24 hours."""

NOTES_SHOWN: Final = 50


class Moderation:
    """Keeps notes and reports."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reachable
    async def notes(self, caller: Caller, slug: str, volunteer: str) -> View:
        """Return the notes about somebody. Raises UnknownProjectError, NotAllowedError, UnknownVolunteerError."""
        async with self._pool.acquire() as connection:
            project_id = await moderated(connection, caller, slug)
            whom = await volunteer_of(connection, volunteer)
            found = await DeskStore(connection).notes(project_id, whom.person_id, NOTES_SHOWN)
        return {"notes": [note_view(each) for each in found]}

    @reachable
    async def add_note(self, caller: Caller, slug: str, volunteer: str, body: str) -> View:
        """Add a note about somebody, and return it. Raises what `notes` raises."""
        async with self._pool.acquire() as connection:
            project_id = await moderated(connection, caller, slug)
            whom = await volunteer_of(connection, volunteer)
            store = DeskStore(connection)
            async with connection.transaction():
                await store.add_note(project_id, whom.person_id, caller.volunteer_id, body)
                [added] = await store.notes(project_id, whom.person_id, 1)
        return note_view(added)

    @reachable
    async def report(self, caller: Caller, slug: str, report: ReportIn) -> View:
        """Keep a report about a subject or somebody.

        Raises
        ------
        UnknownProjectError
            There is no such project.
        UnknownSubjectError, UnknownVolunteerError
            It is about nothing that is there.
        TooManyReportsError
            They have sent as many as one may in a day.
        """
        async with self._pool.acquire() as connection:
            project_id = await _project(connection, caller, slug)
            store = DeskStore(connection)
            subject, about = None, None
            if report.about.startswith("S"):
                subject = number_of(report.about)
                if not await store.has_subject(project_id, subject):
                    raise UnknownSubjectError(report.about)
            else:
                whom = await volunteer_of(connection, report.about)
                about = (whom.person_id, whom.id)
            async with connection.transaction():
                sent = await store.reported_lately(project_id, caller.person_id, caller.volunteer_id)
                if sent >= REPORTS_A_DAY:
                    raise TooManyReportsError(slug, REPORTS_A_DAY)
                number, at = await store.report(
                    project_id, caller.volunteer_id, subject, about, report.kind, report.body
                )
        return {"id": number, "at": at}

    @reachable
    async def reports(self, caller: Caller, slug: str, query: ReportsQuery) -> View:
        """Return reports (`mobile_schemas.moderation.ReportsOut`). Raises UnknownProjectError, NotAllowedError."""
        async with self._pool.acquire() as connection:
            project_id = await moderated(connection, caller, slug)
            store = DeskStore(connection)
            found = await store.reports(project_id, query.after, query.open, None, query.limit + 1)
            still_open = await store.reports_open(project_id)
        shown, complete = found[: query.limit], len(found) <= query.limit
        return {
            "reports": [report_view(each) for each in shown],
            "open": still_open,
            "complete": complete,
            "cursor": None if complete else shown[-1].id,
        }

    @reachable
    async def close(self, caller: Caller, number: int, outcome: str) -> View:
        """Close a report with what came of it; the same again changes nothing.

        Raises
        ------
        UnknownReportError
            There is no such report, or not in a project of theirs.
        NotAllowedError
            It is about themself.
        ReportClosedError
            It was closed with another outcome.
        """
        async with self._pool.acquire() as connection:
            store = DeskStore(connection)
            found = await store.find_report(number)
            if found is None or not caller.may(Role.MODERATOR, found.project_id):
                raise UnknownReportError(number)
            if found.about_person_id == caller.person_id:
                raise NotAllowedError("nobody closes a report about themself; another moderator can")
            await store.close_report(number, caller.volunteer_id, outcome)
            closed = await store.find_report(number)
        assert closed is not None
        if closed.outcome != outcome:
            raise ReportClosedError(number, closed.outcome or "")
        return report_view(closed)


async def _project(connection: Connection, caller: Caller, slug: str) -> int:
    project = await PromotionStore(connection).project(slug, caller.sight)
    if project is None:
        raise UnknownProjectError(slug)
    return project.id


async def moderated(connection: Connection, caller: Caller, slug: str) -> int:
    """Return the number of a project that the caller moderates. Raises UnknownProjectError, NotAllowedError."""
    project_id = await _project(connection, caller, slug)
    moderates(caller, project_id, slug)
    return project_id


def note_view(note: Note) -> View:
    """Return a note as the contract has it."""
    by = person_ref(note.by_volunteer_id, note.by_name)
    return {"id": note.id, "body": note.body, "by": by, "at": note.created_at}


def report_view(report: Report) -> View:
    """Return a report as the contract has it."""
    return {
        "id": report.id,
        "project": report.slug,
        "about_subject": None if report.subject_id is None else subject_id(report.subject_id),
        "about_volunteer": person_ref(report.about_volunteer_id, report.about_name),
        "kind": report.kind,
        "body": report.body,
        "by": person_ref(report.by_volunteer_id, report.by_name),
        "at": report.created_at,
        "closed_at": report.closed_at,
        "closed_by": person_ref(report.closed_by, report.closed_name),
        "outcome": report.outcome,
    }


def ban_view(ban: Ban) -> View:
    """Return a ban as the contract has it."""
    return {
        "id": ban.id,
        "volunteer": volunteer_id(ban.volunteer_id),
        "why": ban.why,
        "by": person_ref(ban.by_volunteer_id, ban.by_name),
        "since": ban.since,
        "until": ban.until,
        "in_force": ban.in_force,
        "votes_excluded": ban.votes_excluded,
        "lifted_at": ban.lifted_at,
        "lifted_by": person_ref(ban.lifted_by, ban.lifted_name),
        "lifted_why": ban.lifted_why,
    }
