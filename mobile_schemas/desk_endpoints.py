"""Endpoints of levels and moderation: candidates, promotions and their ledger, people, bans, notes, reports."""

from typing import Final

from mobile_schemas.endpoint import Endpoint

DESK_ENDPOINTS: Final[tuple[Endpoint, ...]] = ()
