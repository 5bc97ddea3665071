"""Two persons who turn out to be one, over one connection of the caller's."""

from api.store.engine import Connection

_MOVE = "UPDATE volunteer SET person_id = $2 WHERE person_id = $1"
_NOTE = "INSERT INTO person_merge (from_person_id, into_person_id) VALUES ($1, $2)"


class MergingStore:
    """Moves what belongs to one person to another."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def move(self, from_person: int, into_person: int) -> None:
        """Let the volunteers of one person be another's, and note it."""
        await self._connection.execute(_MOVE, from_person, into_person)
        await self._connection.execute(_NOTE, from_person, into_person)
