"""Finds workflows in which nothing is left to decide, over one connection."""

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("finishing")


class FinishingStore:
    """Marks and announces finished workflows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def settled_versions(self) -> list[int]:
        """Return the versions in force that all subjects have followed."""
        return [row[0] for row in await self._connection.fetch(_SQL["settled_versions"])]

    async def finish(self, workflows: list[int], sources: list[int]) -> int:
        """Mark and announce what is finished, and unmark what has begun anew; return how many were announced.

        The columns name each workflow with every one from which subjects may come to it, itself among them.
        """
        announced: int = await self._connection.fetchval(_SQL["finish"], workflows, sources)
        return announced
