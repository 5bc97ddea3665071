"""The database: the server's settings, the schema, the partitions, and whether a worker does its work."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from api.doctor.findings import Finding, note, ok, wrong
from api.settings import Settings
from api.store.checkup import Partitions, Server, Work
from api.store.schema import NEWEST_REVISION

BESIDE_THE_POOL: Final = 13
"""Connections of an API process besides those for swipes: ten for cool paths, two for uploads, one that listens."""

WORKER_CONNECTIONS: Final = 10
CLOCK_SECONDS: Final = 2.0
EVENTS_SECONDS: Final = 15.0
TOTALS_SECONDS: Final = 600.0
OLDEST: Final = 15


def check_server(server: Server) -> Iterator[Finding]:
    """Look at the settings that decide whether an acknowledged swipe is safe, and those that sort and encode."""
    if server.major < OLDEST:
        yield wrong("PostgreSQL", f"{server.version} is too old", "upgrade the server to PostgreSQL 15 or newer")
    else:
        size = f"{server.size_bytes / 1e9:.1f} GB" if server.size_bytes > 1e8 else f"{server.size_bytes / 1e6:.0f} MB"
        yield ok("PostgreSQL", f"{server.version}, database of {size}")
    if server.is_standby:
        yield wrong(
            "PostgreSQL", "this is a standby, which takes no writes", "name the primary in CHAFFINCH_DATABASE_URL"
        )
    unsafe = [name for name in ("fsync", "full_page_writes") if getattr(server, name) != "on"]
    if unsafe:
        remedy = f"set {' and '.join(f'{name} = on' for name in unsafe)} in postgresql.conf, and reload"
        yield wrong("durability", f"{' and '.join(unsafe)} off: a loss of power may destroy the database", remedy)
    elif server.synchronous_commit == "off":
        yield note(
            "durability",
            "synchronous_commit is off: swipes are safe, as we switch it on for them; the rest may be forgotten",
            "set synchronous_commit = on",
        )
    else:
        yield ok("durability", "what is committed is on disk")
    yield from _check_text(server)


def _check_text(server: Server) -> Iterator[Finding]:
    if server.encoding != "UTF8":
        remedy = "create the database anew: createdb --encoding UTF8 --template template0"
        yield wrong("encoding", f"{server.encoding} cannot hold every name", remedy)
    elif server.timezone.upper() not in ("UTC", "ETC/UTC", "GMT"):
        remedy = "ALTER DATABASE ... SET timezone = 'UTC' makes what you type into psql mean the same everywhere"
        yield note("encoding", f"{server.encoding}, {server.collation}; the time zone is {server.timezone}", remedy)
    else:
        yield ok("encoding", f"{server.encoding}, sorted by {server.collation}, times in UTC")


def check_connections(server: Server, settings: Settings) -> Iterator[Finding]:
    """Compare the connections that the processes may open with those that the server allows."""
    wanted = settings.processes * (settings.hot_pool_size + BESIDE_THE_POOL) + WORKER_CONNECTIONS
    said = f"{server.connections} allowed, {server.used} used, up to {wanted} wanted"
    if server.used >= server.connections - 2:
        yield wrong("connections", said, "raise max_connections, or close what holds them")
    elif wanted > server.connections:
        remedy = "raise max_connections, or lower CHAFFINCH_PROCESSES or CHAFFINCH_HOT_POOL_SIZE"
        yield wrong("connections", said, remedy)
    else:
        yield ok("connections", said)


def check_clock(server: Server, asked_at: datetime, answered_at: datetime) -> Iterator[Finding]:
    """Compare the server's clock with ours; its moment lies between when we asked and when it answered."""
    behind, ahead = (asked_at - server.now).total_seconds(), (server.now - answered_at).total_seconds()
    apart = max(behind, ahead, 0.0)
    if apart > CLOCK_SECONDS:
        side = "behind" if behind > 0 else "ahead of"
        yield wrong("clock", f"the database is {apart:,.0f} s {side} this machine", "let both follow NTP")
    else:
        yield ok("clock", "the same here and in the database")


def check_revision(revision: str | None) -> Iterator[Finding]:
    """Compare the schema with the one of this version."""
    if revision is None:
        yield note("schema", "the database is empty", "the first command or start makes the tables")
    elif revision > NEWEST_REVISION:
        remedy = "install the newer Chaffinch that wrote it"
        yield wrong("schema", f"revision {revision} is newer than {NEWEST_REVISION}, which this version knows", remedy)
    elif revision < NEWEST_REVISION:
        yield note("schema", f"revision {revision}; {NEWEST_REVISION} is current", "back up; the next start migrates")
    else:
        yield ok("schema", f"revision {revision}, the newest")


def check_partitions(partitions: Partitions) -> Iterator[Finding]:
    """See that the votes of this month and the next have a place of their own."""
    if not partitions.has_this or not partitions.has_next:
        missing = "this month" if not partitions.has_this else "next month"
        yield wrong("partitions", f"{missing} has none", "start the service or `chaffinch worker`, which makes them")
    else:
        yield ok("partitions", "made ahead")
    if partitions.strays:
        remedy = "`chaffinch ledger restore MONTH` takes them in if the month was archived; else they may stay"
        yield note("partitions", "votes lie in the default one: of an archived month, or of one made too late", remedy)


def check_work(work: Work) -> Iterator[Finding]:
    """See whether somebody numbers events and counts totals."""
    start = "start `chaffinch worker`, and keep it running"
    if work.waiting and work.age_seconds > EVENTS_SECONDS:
        said = f"{work.waiting:,} events wait for their number, the oldest for {_for(work.age_seconds)}"
        remedy = start if not work.workers else "look into the worker's log: it is connected, and does not get on"
        yield wrong("worker", said, remedy)
    elif not work.workers:
        yield note("worker", "none is connected: totals, webhooks and imports stand still", start)
    elif work.workflows and (work.uncounted or work.totals_age_seconds > TOTALS_SECONDS):
        said = (
            f"totals are {_for(work.totals_age_seconds)} old" if not work.uncounted else "some totals are not counted"
        )
        yield note("worker", f"{work.workers} connected; {said}", "wait a minute, then look into the worker's log")
    else:
        yield ok("worker", f"{work.workers} connected, nothing waits")


def _for(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
