"""The moderators' desk, and the volunteer's word to it."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.desk import (
    AppealIn,
    CandidatesQuery,
    DecisionsIn,
    PeopleQuery,
    PersonPath,
    PersonQuery,
    PromotionsQuery,
)
from mobile_schemas.moderation import BanIn, ClosingIn, LiftQuery, NoteIn, ReportIn, ReportPath, ReportsQuery
from mobile_schemas.projects import ProjectPath


async def candidates(services: Services, call: Call[ProjectPath, CandidatesQuery, None]) -> Answer:
    """List candidates."""
    return await services.desk.candidates(call.caller, call.path.slug, call.query)


async def decide(services: Services, call: Call[ProjectPath, None, DecisionsIn]) -> Answer:
    """Decide about levels."""
    return await services.promotions.decide(call.caller, call.path.slug, call.body)


async def promotions(services: Services, call: Call[ProjectPath, PromotionsQuery, None]) -> Answer:
    """List entries of the ledger."""
    return await services.promotions.ledger(call.caller, call.path.slug, call.query)


async def people(services: Services, call: Call[ProjectPath, PeopleQuery, None]) -> Answer:
    """Find people."""
    return await services.desk.people(call.caller, call.path.slug, call.query)


async def person(services: Services, call: Call[PersonPath, PersonQuery, None]) -> Answer:
    """Show somebody."""
    return await services.desk.person(call.caller, call.path.slug, call.path.volunteer, call.query)


async def notes(services: Services, call: Call[PersonPath, None, None]) -> Answer:
    """List notes about somebody."""
    return await services.moderation.notes(call.caller, call.path.slug, call.path.volunteer)


async def add_note(services: Services, call: Call[PersonPath, None, NoteIn]) -> Answer:
    """Add a note about somebody."""
    return await services.moderation.add_note(call.caller, call.path.slug, call.path.volunteer, call.body.body)


async def report(services: Services, call: Call[ProjectPath, None, ReportIn]) -> Answer:
    """Keep a report."""
    return await services.moderation.report(call.caller, call.path.slug, call.body)


async def reports(services: Services, call: Call[ProjectPath, ReportsQuery, None]) -> Answer:
    """List reports."""
    return await services.moderation.reports(call.caller, call.path.slug, call.query)


async def close_report(services: Services, call: Call[ReportPath, None, ClosingIn]) -> Answer:
    """Close a report."""
    return await services.moderation.close(call.caller, call.path.report, call.body.outcome)


async def appeal(services: Services, call: Call[ProjectPath, None, AppealIn]) -> Answer:
    """Ask moderators to look again."""
    return await services.promotions.appeal(call.caller, call.path.slug, call.body)


async def ban(services: Services, call: Call[PersonPath, None, BanIn]) -> Answer:
    """Keep somebody out of a project."""
    return await services.banning.ban(call.caller, call.path.slug, call.path.volunteer, call.body)


async def lift_ban(services: Services, call: Call[PersonPath, LiftQuery, None]) -> Answer:
    """Let somebody in again."""
    return await services.banning.lift(call.caller, call.path.slug, call.path.volunteer, call.query.why)
