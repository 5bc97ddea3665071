"""One image file, checked and turned into what phones are served.

`prepare` may run in many processes at once, over the same files too, and may be killed at any moment: what it has done
once it finds done. It sets limits inside Pillow that hold for the whole process while it runs, so it belongs into the
workers of `pool`, never into a thread beside others.
"""

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from api.media import files
from api.media.decoding import Decoded, decode
from api.media.errors import (
    EmptyFileError,
    FileTooLargeError,
    MissingFileError,
    TooTallError,
    UnreadableFileError,
)
from api.media.variants import TALLEST, WIDTHS, Sizes, Variant, blurred, encoded, sizes

_RECIPE: Final = 1
"""Goes up when the same original would give other variants, so that old ones are made anew."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: files by their bytes, images by the pixels that their header declares.

    A decoded pixel takes up to 8 bytes here, so the default needs at most about 800 MB a worker.
    """

    file_bytes: int = 100_000_000
    pixels: int = 100_000_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image that is ready to be served.

    `digest` is the SHA-256 of the original file, in hexadecimal; `mime`, `width` and `height` are the original's, held
    upright; `variants` are WebP, the narrowest first.
    """

    digest: str
    mime: str
    width: int
    height: int
    blurhash: str
    variants: tuple[Variant, ...]


def prepare(source: Path, media_dir: Path, limits: Limits = DEFAULT_LIMITS) -> PreparedImage:
    """Check an image file and write its variants into the media folder, unless they are there already.

    Raises
    ------
    MediaError
        One class for each thing that can be wrong with the file. Trouble with the media folder, such as a full disk,
        is an `OSError` instead: no image is to blame.
    """
    content = _read(source, limits.file_bytes)
    digest = hashlib.sha256(content).hexdigest()
    if (done := _found(files.folder(media_dir, digest), digest)) is not None:
        return done
    decoded = decode(content, source, pixel_limit=limits.pixels, wanted_width=WIDTHS[-1])
    wanted = sizes(decoded.width, decoded.height)
    if not wanted:
        raise TooTallError(source, decoded.width, decoded.height, TALLEST // WIDTHS[0])
    with files.sole_writer(media_dir, digest) as place:
        return _found(place, digest) or _written(place, digest, decoded, wanted)


def _written(place: Path, digest: str, decoded: Decoded, wanted: Sizes) -> PreparedImage:
    """Write the variants, then the record that says that they are there, and return when all is safe on disk."""
    variants = []
    for variant, content in encoded(decoded.pixels, wanted):
        files.write(place, files.file_name(variant.width), content)
        variants.append(variant)
    blurhash = blurred(decoded.pixels)
    made = PreparedImage(
        digest, decoded.mime, decoded.width, decoded.height, blurhash, variants=tuple(sorted(variants))
    )
    files.write(place, files.RECORD, json.dumps({"recipe": _RECIPE, **asdict(made)}, indent=1).encode())
    files.sync(place)
    return made


def _read(source: Path, limit_bytes: int) -> bytes:
    """Return a regular file's content, reading no more than the limit."""
    try:
        with open(source, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableFileError(source, "Is a device or a pipe")
            content = file.read(limit_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(source) from None
    except OSError as error:
        raise UnreadableFileError(source, error.strerror or str(error)) from error
    if not content:
        raise EmptyFileError(source)
    if len(content) > limit_bytes:
        raise FileTooLargeError(source, max(status.st_size, len(content)), limit_bytes)
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, but never wait for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _found(place: Path, digest: str) -> PreparedImage | None:
    """Return what an earlier run has prepared, if all of it is there at its full size."""
    try:
        record = json.loads((place / files.RECORD).read_bytes())
        if record.pop("recipe") != _RECIPE or record["digest"] != digest:
            return None
        variants = tuple(Variant(**each) for each in record.pop("variants"))
        if any((place / files.file_name(each.width)).stat().st_size != each.size_bytes for each in variants):
            return None
        return PreparedImage(**record, variants=variants)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
