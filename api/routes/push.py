"""Push messages."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.decks import WorkflowPath
from mobile_schemas.push import PushSubscriptionIn, PushSubscriptionPath


async def key(services: Services, _call: Call[None, None, None]) -> Answer:
    """Tell the key to subscribe with."""
    return await services.push.key()


async def subscribe(services: Services, call: Call[None, None, PushSubscriptionIn]) -> Answer:
    """Reach a volunteer at a browser."""
    return await services.push.subscribe(call.caller, call.body)


async def unsubscribe(services: Services, call: Call[PushSubscriptionPath, None, None]) -> Answer:
    """Reach a volunteer there no more."""
    return await services.push.unsubscribe(call.caller, call.path.id)


async def ask_for_more(services: Services, call: Call[WorkflowPath, None, None]) -> Answer:
    """Tell a volunteer when there is more."""
    return await services.push.ask_for_more(call.caller, call.path.workflow_id)
