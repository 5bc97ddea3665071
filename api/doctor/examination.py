"""All checks, one after another; what is found comes as soon as it is known."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

from api.doctor.campaigns import (
    LATE_PERIODS,
    SAMPLED,
    check_imports,
    check_pictures,
    check_project,
    check_push,
    check_refits,
    check_scores,
    check_webhooks,
)
from api.doctor.database import (
    check_clock,
    check_connections,
    check_partitions,
    check_revision,
    check_server,
    check_work,
)
from api.doctor.findings import Finding, ok, wrong
from api.doctor.machine import check_account, check_folder, check_limits, check_port, check_storage
from api.doctor.surroundings import check_python, check_variables
from api.errors import CommandError, StorageError
from api.media.storage import Storage, open_storage
from api.postgres.embedded import running_postgres
from api.postgres.errors import PostgresError
from api.services.published import PublishedCascades
from api.settings import Settings
from api.store.checkup import Checkup, Project
from api.store.engine import Connection, connect
from api.store.failures import UNREACHABLE
from api.store.publishing import PublishingStore
from api.store.schema import NEWEST_REVISION
from cascade.errors import CascadeError

AWAY: Final[tuple[type[Exception], ...]] = (PostgresError, *UNREACHABLE)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield everything that is found."""
    for finding in (
        *check_python(),
        *check_variables(os.environ),
        *check_account(settings),
        *check_folder(settings),
        *check_limits(settings),
        *await asyncio.to_thread(lambda: list(check_port(settings))),
    ):
        yield finding
    storage = None
    try:
        storage = open_storage(settings)
    except CommandError as error:
        yield wrong("pictures", str(error), "correct it")
    else:
        for finding in await asyncio.to_thread(lambda: list(check_storage(storage))):
            yield finding
    try:
        async with (
            running_postgres(settings) as url,
            connect(url, "doctor", 30) as connection,
            aclosing(_database(connection, settings, storage)) as found,
        ):
            async for finding in found:
                yield finding
    except AWAY as error:
        remedy = "start the server, or correct CHAFFINCH_DATABASE_URL"
        yield wrong("database", str(error) or type(error).__name__, remedy)


async def _database(
    connection: Connection, settings: Settings, storage: Storage | None
) -> AsyncGenerator[Finding, None]:
    checkup = Checkup(connection)
    asked_at = datetime.now(UTC)
    server = await checkup.server()
    answered_at = datetime.now(UTC)
    yield ok("database", "reachable" if settings.database_url else "the embedded one, reachable")
    revision = await checkup.revision()
    for finding in (
        *check_server(server),
        *check_connections(server, settings),
        *check_clock(server, asked_at, answered_at),
        *check_revision(revision),
    ):
        yield finding
    if revision != NEWEST_REVISION:
        return
    for finding in (
        *check_partitions(await checkup.partitions()),
        *check_work(await checkup.work()),
        *check_webhooks(await checkup.webhooks()),
        *check_push(await checkup.push(), settings.push_subject),
        *check_imports(await checkup.imports()),
    ):
        yield finding
    for project in await checkup.projects():
        for finding in await _project(connection, project, settings):
            yield finding
    if storage is not None:
        pictures, there = await checkup.pictures(SAMPLED), storage
        try:
            for finding in await asyncio.to_thread(lambda: list(check_pictures(pictures, there))):
                yield finding
        except StorageError:
            return  # said before


async def _project(connection: Connection, project: Project, settings: Settings) -> list[Finding]:
    gold = await PublishingStore(connection).count_gold(project.id)
    try:
        published = (
            None if project.version_id is None else await PublishedCascades().get(connection, project.version_id)
        )
    except CascadeError as error:
        remedy = "publish a cascade that this version understands"
        return [wrong(f"project {project.slug}", f"its cascade is not understood: {error}", remedy)]
    late_seconds = LATE_PERIODS * 60.0 * settings.refit_minutes
    unfitted = await Checkup(connection).unfitted(project.id, late_seconds) if late_seconds else []
    return [
        *check_project(project, published, gold),
        *check_refits(project, published, unfitted),
        *check_scores(project, await Checkup(connection).score_alarms(project.id)),
    ]
