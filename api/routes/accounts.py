"""One's account: what is kept, and the end of it."""

from typing import Final

from api.http.calls import Answer, Call, Reply
from api.services.house import Services
from mobile_schemas.accounts import DeletionIn

_TO_KEEP: Final = (
    (b"cache-control", b"no-store"),
    (b"content-disposition", b'attachment; filename="chaffinch-account.ndjson"'),
)


async def export(services: Services, call: Call[None, None, None]) -> Answer:
    """Send all that is kept about one."""
    return Reply(await services.accounts.export(call.caller.person_id), _TO_KEEP)


async def delete(services: Services, call: Call[None, None, DeletionIn]) -> Answer:
    """End one's account."""
    return await services.accounts.delete(call.caller, call.body.confirm)
