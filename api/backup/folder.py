"""A backup's folder: what lies in it, and whether it is what was written."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from api.backup.errors import BackupRunningError, DamagedBackupError, FolderTakenError, NoBackupError

FORMAT: Final = 1
ABOUT: Final = "backup.json"
SUMS: Final = "SHA256SUMS"
DUMP: Final = "database.dump"


@dataclass(frozen=True, slots=True)
class About:
    """What a backup is of. `counts` are the rows of every table; `missing` pictures were not there to be copied."""

    format: int
    made_at: str
    chaffinch: str
    schema: str
    postgresql: str
    dumped_by: int
    counts: Mapping[str, int]
    objects: int
    size_bytes: int
    missing: int
    sums_sha256: str


def whole_path(folder: Path) -> Path:
    """Return a folder as a person named it, in full."""
    return folder.expanduser().absolute()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_about(folder: Path) -> About:
    """Return what a backup is of.

    Raises
    ------
    NoBackupError
        The folder holds no whole backup.
    """
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        why = f"it has no {ABOUT}" if folder.is_dir() else "there is no such folder"
        raise NoBackupError(folder, why) from None
    except (OSError, ValueError) as error:
        raise NoBackupError(folder, f"{ABOUT} cannot be read ({error})") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise NoBackupError(folder, f"{ABOUT} is of another format than {FORMAT}")
    try:
        return About(**told)
    except TypeError as error:
        raise NoBackupError(folder, f"{ABOUT} is not as it was written ({error})") from error


def read_sums(folder: Path, about: About) -> dict[str, str]:
    """Return the SHA-256 of every file of a backup by its name.

    Raises
    ------
    DamagedBackupError
        The list itself is not what was written.
    """
    path = folder / SUMS
    if not path.is_file():
        raise DamagedBackupError(folder, SUMS, "is missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != about.sums_sha256:
        raise DamagedBackupError(folder, SUMS, "is not as it was written")
    lines = (line.partition("  ") for line in content.decode().splitlines())
    return {name: digest for digest, _, name in lines}


def check_files(folder: Path, sums: Mapping[str, str]) -> None:
    """See that every file is there and as it was written.

    Raises
    ------
    DamagedBackupError
        One is not; it is named.
    """
    for name, digest in sums.items():
        path = folder / name
        if not path.is_file():
            raise DamagedBackupError(folder, name, "is missing")
        if sha256_of(path) != digest:
            raise DamagedBackupError(folder, name, "is not as it was written")


def write_sums(folder: Path, sums: Mapping[str, str]) -> str:
    """Write the list of all files, and return its own SHA-256."""
    content = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    (folder / SUMS).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def finish(part: Path, folder: Path, about: About) -> None:
    """Make a backup whole: bring everything to disk, then what says that it is whole, then its name."""
    os.sync()
    with (part / ABOUT).open("w", encoding="utf-8") as file:
        json.dump(asdict(about), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """Give the folder that a backup is made in, private and locked; one left by a killed process is gone on with.

    Raises
    ------
    FolderTakenError
        The backup's own folder is there.
    BackupRunningError
        Another process is at it.
    """
    if folder.exists():
        raise FolderTakenError(folder)
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRunningError(folder) from None
        for name in (ABOUT, SUMS, DUMP):
            (part / name).unlink(missing_ok=True)
        yield part
    finally:
        os.close(descriptor)


def newest_beside(folder: Path) -> tuple[Path, Mapping[str, str]] | None:
    """Return the newest whole backup beside a folder, and the SHA-256 of its files."""
    found: list[tuple[str, Path, About]] = []
    for each in _folders(folder.parent):
        try:
            about = read_about(each)
        except NoBackupError:
            continue
        found.append((about.made_at, each, about))
    for _, each, about in sorted(found, key=lambda item: item[0], reverse=True):
        try:
            return each, read_sums(each, about)
        except DamagedBackupError:
            continue
    return None


def _folders(parent: Path) -> Iterable[Path]:
    return [each for each in parent.iterdir() if each.is_dir() and not each.name.startswith(".")]
