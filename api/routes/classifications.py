"""Answers, and taking them back."""

from api.http.calls import Answer, Call
from api.services.house import Services
from mobile_schemas.classifications import ClassificationsIn, RetractionsIn


async def submit(services: Services, call: Call[None, None, ClassificationsIn]) -> Answer:
    """Store and count a batch of answers."""
    return await services.classifications.submit(call.caller, call.body)


async def retract(services: Services, call: Call[None, None, RetractionsIn]) -> Answer:
    """Take a batch of answers back."""
    return await services.retractions.retract(call.caller, call.body)
