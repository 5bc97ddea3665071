"""Who runs the server: PostgreSQL refuses root, so root starts it as somebody else."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from api.postgres.errors import FolderUnreachableError

_NOBODY = 65534  # where the account database does not know the name, as in the smallest containers


class Identity(TypedDict):
    """The arguments of subprocess that make a child somebody else, or leave it as it is."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


@dataclass(frozen=True)
class Account:
    """The account that owns the database files and runs the server."""

    uid: int
    gid: int
    name: str

    @property
    def is_ours(self) -> bool:
        """Whether this process runs as that account already."""
        return self.uid == os.geteuid()

    @property
    def identity(self) -> Identity:
        """What to hand to subprocess so that a child runs as this account."""
        if self.is_ours:
            return Identity(user=None, group=None, extra_groups=None)
        return Identity(user=self.uid, group=self.gid, extra_groups=[])

    def become(self) -> None:
        """Turn this process into one of the account's."""
        if not self.is_ours:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)

    def own(self, folder: Path) -> None:
        """Give the folder to this account."""
        if not self.is_ours:
            os.chown(folder, self.uid, self.gid)

    def require_reach(self, folder: Path) -> None:
        """Raise FolderUnreachableError, naming the first folder on the way that this account may not enter."""
        for barrier in [*reversed(folder.parents), folder]:
            if not self.reaches(barrier):
                raise FolderUnreachableError(folder, barrier, self.name)

    def reaches(self, folder: Path) -> bool:
        """Tell by a real attempt whether the account may enter the folder."""
        if self.is_ours:
            return os.access(folder, os.X_OK)
        command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
        attempt = subprocess.run(command, stderr=subprocess.DEVNULL, cwd="/", check=False, **self.identity)  # noqa: S603 (no input)
        return attempt.returncode == 0


def server_account(home: Path) -> Account:
    """Return who runs the server with that home: ourselves; for root the home's owner, or nobody if that is root."""
    uid = os.geteuid()
    if uid == 0:
        uid = home.stat().st_uid
    try:
        entry = pwd.getpwnam("nobody") if uid == 0 else pwd.getpwuid(uid)
    except KeyError:
        uid = uid or _NOBODY
        return Account(uid, home.stat().st_gid if uid != _NOBODY else _NOBODY, str(uid))
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
