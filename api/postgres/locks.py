"""File locks that die with their holders: the kernel drops a flock with the last process that has it open.

A forked child, a worker of a process pool for instance, has open what its parent has, and would hold a lock longer than
the parent lives. So it closes them, except those that were handed over on purpose.
"""

import fcntl
import os
from pathlib import Path

_ours: set[int] = set()


def open_lock(path: Path) -> int:
    """Open the lock file, made on first need, and return its descriptor.

    Root leaves the file to the owner of the folder.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    _ours.add(descriptor)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def close_lock(descriptor: int) -> None:
    """Close the file; the lock is free unless it was handed over to a process that still runs."""
    if descriptor in _ours:
        _ours.remove(descriptor)
        os.close(descriptor)


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
    close_lock(descriptor)
    return None


def hand_over(descriptor: int) -> int:
    """Let the lock pass to the children that inherit the descriptor; the caller closes its own with ``os.close``."""
    _ours.discard(descriptor)
    return descriptor


def _close_all() -> None:
    for descriptor in list(_ours):
        close_lock(descriptor)


os.register_at_fork(after_in_child=_close_all)
