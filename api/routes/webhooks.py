"""Webhooks."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.projects import ProjectPath
from mobile_schemas.webhooks import DeliveriesQuery, ReplayIn, WebhookIn, WebhookPath


async def add(services: Services, call: Call[ProjectPath, None, WebhookIn]) -> Answer:
    """Add a webhook."""
    return await services.webhooks.add(call.caller, call.path.slug, call.body)


async def index(services: Services, call: Call[ProjectPath, None, None]) -> Answer:
    """List the webhooks of a project."""
    return await services.webhooks.of_project(call.caller, call.path.slug)


async def remove(services: Services, call: Call[WebhookPath, None, None]) -> Answer:
    """Remove a webhook."""
    return await services.webhooks.remove(call.caller, call.path.webhook_id)


async def deliveries(services: Services, call: Call[WebhookPath, DeliveriesQuery, None]) -> Answer:
    """List the newest attempts to post to a webhook."""
    return await services.webhooks.deliveries(call.caller, call.path.webhook_id, call.query.limit)


async def replay(services: Services, call: Call[WebhookPath, None, ReplayIn]) -> Answer:
    """Send events again."""
    return await services.webhooks.replay(call.caller, call.path.webhook_id, call.body.after)


async def pause(services: Services, call: Call[WebhookPath, None, None]) -> Answer:
    """Post nothing for a while."""
    return await services.webhooks.pause(call.caller, call.path.webhook_id)


async def resume(services: Services, call: Call[WebhookPath, None, None]) -> Answer:
    """Go on posting."""
    return await services.webhooks.resume(call.caller, call.path.webhook_id)
