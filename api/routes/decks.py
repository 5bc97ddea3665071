"""Cards for volunteers and importers."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.decks import DealIn, DeckIn, WorkflowPath


async def deal(services: Services, call: Call[WorkflowPath, None, DeckIn]) -> Answer:
    """Deal a deck of what this person has not seen."""
    return await services.decks.deal(call.caller, call.path.workflow_id, call.body)


async def deal_named(services: Services, call: Call[WorkflowPath, None, DealIn]) -> Answer:
    """Deal cards of the subjects that an importer names."""
    return await services.decks.deal_named(call.caller, call.path.workflow_id, call.body)
