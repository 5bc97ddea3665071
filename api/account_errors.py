"""Logins, accounts, members and invitations: what can go wrong there and is foreseen."""

from collections.abc import Mapping
from typing import Final

from api.errors import ChaffinchError, Kind

KINDS: Final[Mapping[type[ChaffinchError], Kind]] = {}
