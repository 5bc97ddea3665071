"""The machine: folders, disk, limits, the port, and the store of pictures."""

import errno
import json
import os
import resource
import secrets
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from api.doctor.findings import Finding, note, ok, wrong
from api.errors import StorageError
from api.media.storage import Storage
from api.settings import Settings

GB: Final = 1_000_000_000
LEAST_FREE: Final = 1 * GB
SOON_FULL: Final = 10 * GB
FILES_OF_A_PROCESS: Final = 2048
"""Connections of phones, of the database, and pictures under way."""

MEMORY_OF_A_PROCESS: Final = 0.4 * GB
"""What an API process grows to, and PostgreSQL beside it."""

PATIENCE_SECONDS: Final = 5
_MEMORY: Final = Path("/proc/meminfo")


def check_folder(settings: Settings) -> Iterator[Finding]:
    """See whether the data folder can be written to, and how much room there is."""
    folder = settings.data_dir.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        why = error.strerror or str(error)
        remedy = "give this account the folder, or set CHAFFINCH_DATA_DIR to one that it can write to"
        yield wrong("data folder", f"{folder} cannot be written to ({why})", remedy)
        return
    yield from _room(folder, free)


def _room(folder: Path, free: int) -> Iterator[Finding]:
    said = f"{folder}, {free / GB:,.1f} GB free"
    if free < LEAST_FREE:
        yield wrong("data folder", said, "make room: PostgreSQL stops when its disk is full")
    elif free < SOON_FULL:
        yield note("data folder", said, "a million votes take about 0.7 GB, a thousand pictures about 0.2 GB")
    else:
        yield ok("data folder", said)


def check_storage(storage: Storage) -> Iterator[Finding]:
    """Put a small object, get it back, and remove it."""
    key, content = f"uploads/doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    try:
        storage.put(key, content)
        found = storage.get(key)
        storage.delete(key)
        left = storage.head(key)
    except StorageError as error:
        remedy = "check CHAFFINCH_MEDIA_URL, the credentials and the endpoint; it must allow put, get, list and delete"
        yield wrong("pictures", f"{storage.place} does not work: {error.reason}", remedy)
        return
    if found != content or left is not None:
        yield wrong("pictures", f"{storage.place} does not keep what is put, or not delete", "check the store's rules")
    else:
        yield ok("pictures", f"{storage.place} keeps, gives and removes objects")


def check_port(settings: Settings) -> Iterator[Finding]:
    """See who listens on the port of the service."""
    host, port = settings.host, settings.port
    where = f"{host}, port {port}"
    if port == 0:
        yield ok("port", "a free one is picked at the start")
        return
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            yield _who(host, port, where)
        else:
            yield wrong("port", f"{where}: {error.strerror or error}", "set CHAFFINCH_HOST and CHAFFINCH_PORT")
        return
    yield note("port", f"{where} is free: no service runs here")


def _who(host: str, port: int, where: str) -> Finding:
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked, not bound
    url = f"http://{f'[{near}]' if ':' in near else near}:{port}/health"
    remedy = "stop what listens there, or choose another port with CHAFFINCH_PORT"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as reply:
            told: Any = json.load(reply)
    except urllib.error.HTTPError as error:
        if error.headers.get_content_type() == "application/problem+json":
            return wrong("port", f"the Chaffinch at {where} answers {error.code}", "look into its log")
        return wrong("port", f"{where} is in use, by something else than Chaffinch", remedy)
    except (OSError, ValueError):
        return wrong("port", f"{where} is in use, by something that does not answer as Chaffinch", remedy)
    if not isinstance(told, dict) or told.get("database") != "reachable":
        return wrong("port", f"{where} is in use, by something else than Chaffinch", remedy)
    if told["version"] != version("chaffinch"):
        said = f"Chaffinch {told['version']} serves at {where}, and this is {version('chaffinch')}"
        return note("port", said, "restart the service")
    return ok("port", f"Chaffinch {told['version']} serves at {where}")


def check_limits(settings: Settings) -> Iterator[Finding]:
    """Compare open files, cores and memory with the number of processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES_OF_A_PROCESS:
        remedy = (
            f"raise it: ulimit -n {min(hard, 65536) if hard > 0 else 65536}, or LimitNOFILE= in the unit of systemd"
        )
        yield note("open files", f"{soft} at most, which is as many phones at once and no more", remedy)
    else:
        yield ok("open files", f"{'any number' if soft == resource.RLIM_INFINITY else soft} a process")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if settings.processes > 2 * cores:
        remedy = f"set CHAFFINCH_PROCESSES to {cores} or so: more only take memory"
        yield note("cores", f"{cores} for {settings.processes} API processes", remedy)
    elif settings.processes == 1 and cores > 3:
        yield note("cores", f"{cores}, and one API process", "set CHAFFINCH_PROCESSES to use more of them")
    else:
        yield ok("cores", f"{cores} for {settings.processes} API process{'es' if settings.processes > 1 else ''}")
    yield from _check_memory(settings.processes)


def _check_memory(processes: int) -> Iterator[Finding]:
    try:
        fields = dict(line.split(":") for line in _MEMORY.read_text().splitlines())
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return
    needed = MEMORY_OF_A_PROCESS * (processes + 1)
    said = f"{available / GB:.1f} GB available"
    if available < needed:
        yield note("memory", said, f"{processes} API processes and PostgreSQL want about {needed / GB:.1f} GB")
    else:
        yield ok("memory", said)


def check_account(settings: Settings) -> Iterator[Finding]:
    """Say what it means that the embedded server was started by root."""
    if settings.database_url is None and os.geteuid() == 0:
        yield note(
            "account",
            "this is root: the embedded PostgreSQL runs as another account, nobody by default",
            "run Chaffinch as an ordinary account, or set CHAFFINCH_DATABASE_URL",
        )
