"""File locks that die with their holders: the kernel drops a flock with the last process that has it open."""

import fcntl
import os
from pathlib import Path


def open_lock(path: Path) -> int:
    """Open the lock file, made on first need, and return its descriptor.

    Root leaves the file to the owner of the folder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock the open file without waiting; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give the lock up and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def take(path: Path) -> int | None:
    """Return the descriptor of the lock file, exclusively locked, or None when somebody holds it."""
    descriptor = open_lock(path)
    if try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None
