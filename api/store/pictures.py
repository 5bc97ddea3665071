"""The statements about prepared pictures, as one method each, over one connection."""

from collections.abc import Sequence
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("pictures")


class Untried(NamedTuple):
    """A picture of which the worker has not tried to make AVIF yet."""

    subject_id: int
    ordinal: int
    digest: str
    widths: Sequence[int]


class PictureStore:
    """Reads and writes what is known of prepared pictures."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(self) -> bool:
        """Keep other workers from making AVIF until the connection closes; tell whether none of them is at it."""
        claimed: bool = await self._connection.fetchval(_SQL["claim"])
        return claimed

    async def untried(self, at_most: int) -> list[Untried]:
        """Return pictures that have not been tried, by subject."""
        return [Untried(*row) for row in await self._connection.fetch(_SQL["untried"], at_most)]

    async def mark_tried(self, pictures: Sequence[Untried]) -> None:
        """Remember that these have been tried, unless they were replaced by others meanwhile."""
        columns = zip(*((each.subject_id, each.ordinal, each.digest) for each in pictures), strict=True)
        await self._connection.execute(_SQL["mark_tried"], *(list(column) for column in columns))
