"""Pseudonyms: what stands for a volunteer in everything that leaves a project.

A pseudonym is a keyed hash of the volunteer's number under the project's own key, so it is the same in every export and
event of that project, and says nothing to who has not the key: neither who it is, nor whether two projects share a
volunteer. Public ids of volunteers never leave.
"""

import base64
import hmac
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

HASHED_BYTES: Final = 10
"""Eighty bits, sixteen characters: of a million volunteers, two share one with a probability of 4e-13."""

PREFIX: Final = "v-"

REMEMBERED: Final = 100_000
"""Pseudonyms that are remembered before all are forgotten: 20 MB."""


class Pseudonyms:
    """The pseudonyms of one project. What was hashed once is remembered."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[int, str] = {}

    def of(self, volunteer_id: int) -> str:
        """Return the pseudonym of a volunteer's number, such as ``v-3x7hkq2mzl5gtd4a``."""
        known = self._known.get(volunteer_id)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[volunteer_id] = self._hashed(volunteer_id)
        return known

    def of_each(self, volunteer_ids: Iterable[int]) -> list[str]:
        """Return the pseudonyms of volunteers' numbers, in their order."""
        return [self.of(volunteer_id) for volunteer_id in volunteer_ids]

    def coded(self, volunteer_ids: NDArray[np.int64]) -> tuple[NDArray[np.int32], list[str]]:
        """Return for each number of an array its place among the pseudonyms that occur, and those: a dictionary."""
        found, places = np.unique(volunteer_ids, return_inverse=True)
        return places.astype(np.int32), self.of_each(found.tolist())

    def _hashed(self, volunteer_id: int) -> str:
        digest = hmac.digest(self._key, str(volunteer_id).encode(), "sha256")
        return PREFIX + base64.b32encode(digest[:HASHED_BYTES]).decode().lower()
