"""Passkeys."""

from api.http.calls import Answer, Call
from api.http.origins import refuse_other_sites
from api.routes.logins import not_kept, place
from api.services.house import Services
from mobile_schemas.logins import (
    OwnPasskeyPath,
    PasskeyIn,
    PasskeyPath,
    PasskeySessionIn,
)


async def begin(services: Services, call: Call[None, None, None]) -> Answer:
    """Begin to add a passkey."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return not_kept(await services.passkeys.begin(call.caller, place(services, call)))


async def add(services: Services, call: Call[PasskeyPath, None, PasskeyIn]) -> Answer:
    """Add a passkey."""
    refuse_other_sites(call.headers, services.address.is_ours)
    added = await services.passkeys.add(call.caller, call.path.id, call.body, place(services, call))
    return not_kept(added)


async def begin_login(services: Services, call: Call[None, None, None]) -> Answer:
    """Begin to log in by a passkey."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return not_kept(await services.passkeys.begin_login(place(services, call)))


async def open_session(services: Services, call: Call[None, None, PasskeySessionIn]) -> Answer:
    """Log in by a passkey."""
    refuse_other_sites(call.headers, services.address.is_ours)
    opened = await services.passkeys.open_session(call.body, call.bearer, place(services, call))
    return not_kept(opened)


async def mine(services: Services, call: Call[None, None, None]) -> Answer:
    """List one's passkeys."""
    return await services.passkeys.mine(call.caller)


async def remove(services: Services, call: Call[OwnPasskeyPath, None, None]) -> Answer:
    """Remove a passkey."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return await services.passkeys.remove(call.caller, call.path.id)
