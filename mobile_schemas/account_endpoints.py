"""Endpoints of accounts: logins, passkeys, tokens, and what is kept about somebody."""

from typing import Final

from mobile_schemas.endpoint import Endpoint

ACCOUNT_ENDPOINTS: Final[tuple[Endpoint, ...]] = ()
