"""Where prepared images lie: by the digest of their original, so that a name never changes its content.

    MEDIA/ab/cd/DIGEST/320.webp, 640.webp, ...    one file a width
    MEDIA/ab/cd/DIGEST/image.json                 written last: with it the image is complete

Every file is written under another name, synced and renamed, and a folder has one writer at a time (`flock`, which the
kernel lets go of when a process dies). So a crash leaves no half file, two runs do no work twice, and what a second run
finds complete was complete on disk.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from api.media.variants import WIDTHS

RECORD: Final = "image.json"
"""The file whose presence says that all others are there."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def folder(media_dir: Path, digest: str) -> Path:
    """Return the folder of the image whose original has this SHA-256, in hexadecimal."""
    return media_dir / digest[:2] / digest[2:4] / digest


def file_name(width: int) -> str:
    """Return the name of the variant of this width."""
    return f"{width}.webp"


def find(media_dir: Path, digest: str, width: int) -> Path | None:
    """Return the file of one variant, or None where there is none.

    Both values may come straight from a request: whatever is not a digest or a width of ours finds nothing.
    """
    if not _DIGEST.fullmatch(digest) or not 1 <= width <= WIDTHS[-1]:
        return None
    path = folder(media_dir, digest) / file_name(width)
    return path if path.is_file() else None


@contextmanager
def sole_writer(media_dir: Path, digest: str) -> Iterator[Path]:
    """Make the folder of an image, hold it against other writers, and give its path."""
    place = folder(media_dir, digest)
    _make(place)
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        os.close(descriptor)


def write(place: Path, name: str, content: bytes) -> None:
    """Write a file of a folder that is held by `sole_writer`: whole and on disk, or not at all."""
    unfinished = place / f"{name}.part"
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place / name)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


def sync(place: Path) -> None:
    """Bring the names of a folder to disk, as `write` brings the contents."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(place: Path) -> None:
    """Make a folder and those above it, and bring their names to disk."""
    missing = [folder for folder in (place, *place.parents) if not folder.exists()]
    place.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync(made.parent)
