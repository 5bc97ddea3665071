"""The folder of the embedded server inside the data folder, and what lies where in it.

postgres/
    data/              the database cluster, or a link to it (see refuge.py); appears by one rename, when complete
    data.new/          the same while it is being made
    run                a link to the folder of the socket, in /tmp because a socket's path may have 107 bytes only
    server.log         what initdb, the server and the supervisor said
    failure            why the last start failed
    users.lock         shared by every process that uses the server, for as long as it lives
    supervisor.lock    held by the one supervisor
    server.lock        held by the server: inherited by each of its processes, so free only when all have gone
"""

import contextlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from api.postgres.account import Account, server_account
from api.postgres.errors import FolderForbiddenError
from api.postgres.probe import PORT, USER

DATABASE = "chaffinch"
_LOG_BYTES = 10_000_000
_QUOTED_BYTES = 20_000
_QUOTED_LINES = 6
_SHORT = Path("/tmp")  # noqa: S108 (private folders with random names are made in it; TMPDIR may be long or closed)


@dataclass(frozen=True)
class Home:
    """The server's folder, absolute, in existence."""

    folder: Path

    @property
    def data(self) -> Path:
        """The database cluster."""
        return self.folder / "data"

    @property
    def unfinished(self) -> Path:
        """The cluster while it is being made."""
        return self.folder / "data.new"

    @property
    def run_link(self) -> Path:
        """Where it is written which folder the socket is in."""
        return self.folder / "run"

    @property
    def run(self) -> Path:
        """The folder of the socket."""
        return self.run_link.readlink() if self.run_link.is_symlink() else self.run_link

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.folder / "server.log"

    @property
    def failure(self) -> Path:
        """Why the last start failed."""
        return self.folder / "failure"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.folder / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor."""
        return self.folder / "supervisor.lock"

    @property
    def server_lock(self) -> Path:
        """Held by every process of the server."""
        return self.folder / "server.lock"

    @property
    def account(self) -> Account:
        """Who runs the server."""
        return server_account(self.folder)

    def url(self, database: str = DATABASE) -> str:
        """Return the URL of one of the server's databases."""
        return f"postgresql://{USER}@/{quote(database)}?host={quote(str(self.run))}&port={PORT}"

    def discard_unfinished(self) -> None:
        """Remove what is left of a cluster whose making was interrupted. For the supervisor only."""
        shutil.rmtree(self.unfinished.resolve(), ignore_errors=True)
        self.unfinished.unlink(missing_ok=True)

    def prepare_run(self) -> None:
        """Make the socket's folder, empty and private to the server's account. For the supervisor only.

        One that is there is kept, so that the URL outlives a crash; a dead server's socket and its lock are removed.
        """
        account = self.account
        with contextlib.suppress(FileNotFoundError):
            found = self.run.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid:
                for stale in self.run.iterdir():
                    stale.unlink()
                return
        self.run_link.unlink(missing_ok=True)
        target = Path(tempfile.mkdtemp(prefix="chaffinch-", dir=_SHORT))
        account.own(target)
        self.run_link.symlink_to(target)

    def remove_run(self) -> None:
        """Remove the socket's folder. For the supervisor only, when the server has gone."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.run_link.unlink(missing_ok=True)

    def open_log(self) -> int:
        """Return a descriptor that appends to the log; a long log is put aside first."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            owner = self.folder.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    def last_words(self, start: int) -> str:
        """Return the end of what was written into the log from that byte on, in one line without times and ids."""
        with self.log.open("rb") as log:
            log.seek(start)
            lines = log.read()[-_QUOTED_BYTES:].decode(errors="replace").splitlines()
        return " ".join(line.partition("] ")[2] or line for line in lines[-_QUOTED_LINES:] if line) or "it said nothing"


def open_home(data_dir: Path) -> Home:
    """Return the server's home in the data folder, made on first need.

    For root its folder may be entered by everybody, since the server's account has to pass; the locks and the log in
    it stay root's. Raises FolderForbiddenError.
    """
    folder = data_dir.expanduser().absolute() / "postgres"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        owner = folder.stat().st_uid
    except PermissionError as error:
        raise FolderForbiddenError(folder) from error
    if owner == os.geteuid():
        folder.chmod(0o711 if owner == 0 else 0o700)
    elif os.geteuid() != 0:
        raise FolderForbiddenError(folder)
    return Home(folder)
