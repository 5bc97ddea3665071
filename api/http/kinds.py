"""How every foreseen error of the service is told."""

from collections.abc import Mapping
from typing import Final

from api import account_errors, errors, moderation_errors
from api.errors import FAULT, ChaffinchError, Kind

_ALL: Final = {**errors.KINDS, **account_errors.KINDS, **moderation_errors.KINDS}

KINDS: Final[Mapping[type[ChaffinchError], Kind]] = dict(sorted(_ALL.items(), key=lambda each: each[1].status))
"""Every foreseen error of the service, in the order of the statuses."""

__all__ = ["FAULT", "KINDS", "Kind"]
