"""Projects, published cascades and their workflows."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from api.store.engine import Connection
from api.store.statements import statements

_SQL = statements("cascades")


class Version(NamedTuple):
    """A published declaration and the workflows that it speaks of."""

    id: int
    number: int
    project_id: int
    digest: str
    declaration: str
    workflow_ids: Mapping[str, int]


async def read_version(connection: Connection, version_id: int) -> Version:
    """Return a published version."""
    row = await connection.fetchrow(_SQL["read_version"], version_id)
    if row is None:
        raise LookupError(f"no cascade version {version_id}")
    return Version(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]))
