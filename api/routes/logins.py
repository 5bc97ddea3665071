"""Logins, sessions, and who one is."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from api.http.calls import Answer, Call, Reply
from api.http.origins import host_of, refuse_other_sites
from api.services.house import Services
from api.services.logins import CallbackRefusedError
from api.services.passkeys import Place
from mobile_schemas.logins import (
    CallbackQuery,
    LoginIn,
    NameIn,
    OwnLoginPath,
    SessionIn,
)

NOT_KEPT: Final = (b"cache-control", b"no-store")
_UNTOLD: Final = (b"referrer-policy", b"no-referrer")


def not_kept(reply: Mapping[str, object]) -> Reply:
    """Return a reply that nobody but who asked may keep."""
    return Reply(to_json(reply), (NOT_KEPT,))


async def index(services: Services, call: Call[None, None, None]) -> Answer:
    """Tell how one can log in."""
    host = host_of(call.headers)
    return {
        "providers": services.logins.providers() if services.address.has_origin(host) else [],
        "passkeys": services.address.has_relying_party(host),
    }


async def begin(services: Services, call: Call[None, None, LoginIn]) -> Answer:
    """Send a browser to a provider."""
    refuse_other_sites(call.headers, services.address.is_ours)
    origin = services.address.origin(host_of(call.headers))
    return not_kept(await services.logins.begin(call.body, origin))


async def end(services: Services, call: Call[None, CallbackQuery, None]) -> Answer:
    """Take a browser back from a provider, to the page that ends the login."""
    try:
        code = await services.logins.end(call.query, services.address.origin(host_of(call.headers)))
        place = f"/account?code={code}"
    except CallbackRefusedError as refused:
        place = f"/account?login_error={refused.told}"
    return Reply(f"Go on at {place}\n".encode(), ((b"location", place.encode()), NOT_KEPT, _UNTOLD))


async def open_session(services: Services, call: Call[None, None, SessionIn]) -> Answer:
    """End a login."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return not_kept(await services.logins.open_session(call.body, call.bearer))


async def close_session(services: Services, call: Call[None, None, None]) -> Answer:
    """Log out."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return await services.logins.close_session(call.caller)


async def mine(services: Services, call: Call[None, None, None]) -> Answer:
    """List one's logins."""
    return await services.logins.mine(call.caller)


async def remove(services: Services, call: Call[OwnLoginPath, None, None]) -> Answer:
    """Remove a login."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return await services.logins.remove(call.caller, call.path.id)


async def choose_name(services: Services, call: Call[None, None, NameIn]) -> Answer:
    """Choose a name."""
    refuse_other_sites(call.headers, services.address.is_ours)
    return await services.logins.choose_name(call.caller, call.body.name)


def place(services: Services, call: Call[Any, Any, Any]) -> Place:
    """Return where passkeys are used."""
    host = host_of(call.headers)
    return Place(services.address.origin(host), services.address.relying_party(host))
