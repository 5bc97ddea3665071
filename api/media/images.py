"""One picture, made of the files it needs, checked and turned into what phones are served.

    media/abc/DIGEST-640.webp    one object for each width
    media/abc/DIGEST.mp4         of a video (or .webm), whose still the others are
    media/abc/DIGEST.json        the record, written last: with it the picture is complete

Objects lie under the digest of what they are made of, so a name never changes its content, and in 4,096 folders, so
that millions of pictures are no trouble and few folders are made on the way.

`prepare` may run in many processes at once, over the same pictures too, and may be killed at any moment: what it has
done once it finds done. The same picture always gives the same bytes, so nobody waits for anybody. Nothing is synced to
disk here; who commits a row that names a picture calls `Storage.flush` before. What a later run finds it compares by
size and CRC-32 with the record, as a loss of power may leave files whose names are there and whose contents are not.

Preparing sets limits inside Pillow that hold for the whole process while it runs, so it belongs into the workers of
`pool`, never into a thread beside others.
"""

import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from api.media.choosing import decode_wanted
from api.media.decoding import Decoded
from api.media.errors import (
    EmptyFileError,
    FileTooLargeError,
    MissingFileError,
    TooTallError,
    UnreadableFileError,
)
from api.media.storage import MEDIA, Storage
from api.media.variants import TALLEST, WEBP, WIDTHS, Variant, blurred, encoded, sizes
from api.media.video import DEFAULT_VIDEO_LIMITS, SUFFIXES, Video, VideoLimits
from api.media.wanted import Sky, Wanted, plain

_RECIPE: Final = 2
"""Goes up when the same original would give other variants, so that old ones are made anew."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: files by their bytes, images by the pixels that their header declares.

    A decoded pixel takes up to 8 bytes here, so the default needs at most about 800 MB a worker.
    """

    file_bytes: int = 100_000_000
    pixels: int = 100_000_000
    video: VideoLimits = DEFAULT_VIDEO_LIMITS


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A picture that is ready to be served.

    `digest` is in hexadecimal: the SHA-256 of the file, or of all files and of what was wanted of them; `mime`, `width`
    and `height` are the original's, held upright; `variants` are WebP, the narrowest first; `sky` is where it points,
    where that is known, and `note` what the importer should be told. A picture with a `video` is the still of that.
    """

    digest: str
    mime: str
    width: int
    height: int
    blurhash: str
    variants: tuple[Variant, ...]
    sky: Sky | None = None
    note: str | None = None
    video: Video | None = None


class Unsaved(NamedTuple):
    """A picture with the objects that are to be written, in this order; none where all are there already."""

    image: PreparedImage
    objects: Sequence[tuple[str, bytes, str]]


def key(digest: str, width: int, suffix: str = "webp") -> str | None:
    """Return the key of one variant, or None where there can be none.

    The values may come straight from a request: whatever is not a digest or a width of ours has no key.
    """
    if not _DIGEST.fullmatch(digest) or not 1 <= width <= WIDTHS[-1]:
        return None
    return f"{_stem(digest)}-{width}.{suffix}"


def video_key(digest: str, mime: str) -> str | None:
    """Return the key of a video, or None where there can be none; the digest may come straight from a request."""
    return f"{_stem(digest)}.{SUFFIXES[mime]}" if _DIGEST.fullmatch(digest) else None


def record_key(digest: str) -> str:
    """Return the key of a picture's record."""
    return f"{_stem(digest)}.json"


def prepare(wanted: Wanted | Path, storage: Storage, limits: Limits = DEFAULT_LIMITS) -> PreparedImage:
    """Check what a picture is made of and write its variants, unless they are there already.

    Raises
    ------
    MediaError
        One class for each thing that can be wrong with the files.
    StorageError
        The store cannot be read or written, such as when a disk is full: no picture is to blame.
    """
    unsaved = make(wanted, storage, limits)
    save(unsaved, storage)
    return unsaved.image


def make(wanted: Wanted | Path, storage: Storage, limits: Limits = DEFAULT_LIMITS) -> Unsaved:
    """Do what `prepare` does, but leave the writing to `save`. Raises what `prepare` raises."""
    if isinstance(wanted, Path):
        wanted = plain(wanted)
    contents = [_read(path, limits.file_bytes) for path in wanted.paths]
    digest = digest_of(wanted, contents)
    if (done := _found(storage, digest)) is not None:
        return Unsaved(done, ())
    decoded = decode_wanted(
        wanted, contents, pixel_limit=limits.pixels, wanted_width=WIDTHS[-1], video_limits=limits.video
    )
    return _made(wanted.source, digest, decoded)


def save(unsaved: Unsaved, storage: Storage) -> None:
    """Write a picture's objects: its record last, which says that the others are there."""
    for name, content, content_type in unsaved.objects:
        storage.put(name, content, content_type, sync=False)


def digest_of(wanted: Wanted, contents: Sequence[bytes]) -> str:
    """Return what a picture is known by: its file's SHA-256, or one over all files and what is wanted of them."""
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    if wanted == plain(wanted.source):
        return digests[0]
    asked = {
        "cutout": None if wanted.cutout is None else asdict(wanted.cutout),
        "files": digests[: len(wanted.files)],
        "grid": digests[len(wanted.files) :],
        "grid_hdu": wanted.grid_hdu,
        "hdu": wanted.hdu,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _made(source: Path, digest: str, decoded: Decoded) -> Unsaved:
    wanted = sizes(decoded.width, decoded.height)
    if not wanted:
        raise TooTallError(source, decoded.width, decoded.height, TALLEST // WIDTHS[0])
    variants, sums, objects = [], {}, []
    if decoded.footage is not None:
        video, content = decoded.footage
        sums["video"] = zlib.crc32(content)
        objects.append((f"{_stem(digest)}.{SUFFIXES[video.mime]}", content, video.mime))
    for variant, content in encoded(decoded.pixels, wanted):
        variants.append(variant)
        sums[str(variant.width)] = zlib.crc32(content)
        objects.append((f"{_stem(digest)}-{variant.width}.webp", content, WEBP))
    image = PreparedImage(
        digest,
        decoded.mime,
        decoded.width,
        decoded.height,
        blurred(decoded.pixels),
        tuple(sorted(variants)),
        decoded.sky,
        decoded.note,
        None if decoded.footage is None else decoded.footage.video,
    )
    record = json.dumps({"recipe": _RECIPE, "crc32": sums, **_flat(image)}).encode()
    return Unsaved(image, (*objects, (record_key(digest), record, "application/json")))


def _flat(image: PreparedImage) -> dict[str, Any]:
    """Return a picture as its record has it; `asdict` on the whole takes ten times as long."""
    parts = {name: getattr(image, name) for name in PreparedImage.__slots__}
    parts["variants"] = [[each.width, each.height, each.size_bytes] for each in image.variants]
    parts["sky"] = None if image.sky is None else asdict(image.sky)
    parts["video"] = None if image.video is None else asdict(image.video)
    return parts


def _stem(digest: str) -> str:
    return f"{MEDIA}/{digest[:3]}/{digest}"


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


def _found(storage: Storage, digest: str) -> PreparedImage | None:
    """Return what an earlier run has prepared, if all of it is there and whole."""
    content = storage.get(record_key(digest))
    if content is None:
        return None
    try:
        record = json.loads(content)
        sums = record.pop("crc32")
        if record.pop("recipe") != _RECIPE or record["digest"] != digest:
            return None
        variants = tuple(Variant(*each) for each in record.pop("variants"))
        sky = None if (given := record.pop("sky")) is None else Sky(**given)
        video = None if (given := record.pop("video", None)) is None else Video(**given)
        image = PreparedImage(**record, variants=variants, sky=sky, video=video)
        whole = all(_is_whole(storage, name, size, sums[part]) for part, name, size in _objects(image))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return image if whole else None


def _objects(image: PreparedImage) -> Iterator[tuple[str, str, int]]:
    """Yield what the record calls each object of a picture, its key and its size."""
    stem = _stem(image.digest)
    for each in image.variants:
        yield str(each.width), f"{stem}-{each.width}.webp", each.size_bytes
    if image.video is not None:
        yield "video", f"{stem}.{SUFFIXES[image.video.mime]}", image.video.size_bytes


def _is_whole(storage: Storage, name: str, size_bytes: int, crc32: int) -> bool:
    """Tell whether an object is there as it was written; an object store loses no contents, so its size will do."""
    if storage.is_remote:
        stored = storage.head(name)
        return stored is not None and stored.size_bytes == size_bytes
    content = storage.get(name)
    return content is not None and len(content) == size_bytes and zlib.crc32(content) == crc32
