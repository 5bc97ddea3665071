"""Health: whether the service can do its work."""

import asyncio
from importlib.metadata import version
from typing import Any, Final

from api.services.reachable import reachable
from api.store.engine import Pool, ping

PATIENCE_SECONDS: Final = 2.0


class Health:
    """Asks the database whether it answers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._version = version("chaffinch")

    @reachable
    async def check(self) -> dict[str, Any]:
        """Say that all is well.

        Raises
        ------
        DatabaseUnavailableError
            The database does not answer, or not soon enough.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ping(self._pool)
        return {"status": "ok", "version": self._version, "database": "reachable"}
