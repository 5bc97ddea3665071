"""Videos: which are taken, how they are known by their first bytes, and what is told of one.

What makes a video ready to be served is in `remuxing`, which few processes have to load.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

MP4: Final = "video/mp4"
WEBM: Final = "video/webm"

SUFFIXES: Final = {MP4: "mp4", WEBM: "webm"}
"""What the keys and addresses of videos end in, by media type."""

TAKEN: Final = {
    ("MP4", "h264"): MP4,
    ("MP4", "av1"): MP4,
    ("WebM", "vp8"): WEBM,
    ("WebM", "vp9"): WEBM,
    ("WebM", "av1"): WEBM,
}
"""The containers and codecs that phones play, with the media type of each."""

_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_ISO_BRANDS: Final = (
    *(b"3g", b"M4V", b"MSNV", b"XAVC", b"av01", b"avc1", b"dash", b"f4v", b"iso", b"mmp4", b"mp4", b"qt"),
)
"""How the brands of MP4 begin, and of QuickTime, which is the same but for its name."""
_OTHERS: Final = (
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMV"),
    (b"\x00\x00\x01\xba", "MPEG"),
    (b"\x00\x00\x01\xb3", "MPEG"),
    (b"FLV\x01", "FLV"),
    (b"OggS", "Ogg"),
)


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """What is refused: by the time that a video lasts, the pixels of a frame, and the number of frames.

    `decoded_pixels` is how far a video is decoded to see whether it is sound: 120 frames of 1920 x 1080.

    A frame of 9,437,184 pixels (4096 x 2304) is the largest of H.264's level 5.1, beyond which few phones decode. The
    frames are those of a minute at 240 a second.
    """

    seconds: float = 60.0
    pixels: int = 9_437_184
    frames: int = 14_400
    decoded_pixels: int = 250_000_000


DEFAULT_VIDEO_LIMITS: Final = VideoLimits()


@dataclass(frozen=True, slots=True)
class Video:
    """A video as it is served: `width` and `height` are as a screen shows it, upright."""

    mime: str
    width: int
    height: int
    size_bytes: int
    seconds: float


class Footage(NamedTuple):
    """A video with its bytes."""

    video: Video
    content: bytes


def container_of(content: bytes) -> str | None:
    """Return what kind of video a file is by its first bytes, taken or not; None if it is none that we know."""
    if content[4:8] == b"ftyp" and content[8:12].startswith(_ISO_BRANDS):
        return "MP4"
    if content.startswith(_EBML):
        return "WebM"
    if content[:4] == b"RIFF" and content[8:12] == b"AVI ":
        return "AVI"
    return next((kind for start, kind in _OTHERS if content.startswith(start)), None)


def promised_bytes(content: bytes) -> int | None:
    """Return how many bytes the header of a WebM says that it has; None where it does not say.

    FFmpeg takes the end of a file for the end of the video, so one that was cut off would be taken for whole.
    """
    header = _sized(content, len(_EBML))
    if header is None:
        return None
    segment = header[0] + header[1]
    if content[segment : segment + len(_SEGMENT)] != _SEGMENT:
        return None
    inside = _sized(content, segment + len(_SEGMENT))
    return None if inside is None else sum(inside)


def _sized(content: bytes, place: int) -> tuple[int, int] | None:
    """Return where the content of an EBML element begins whose size is at a place, and that size; None if unknown."""
    first = content[place] if place < len(content) else 0
    length = 9 - first.bit_length()
    if length > 8:
        return None
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(content[place : place + length]) & unknown
    return None if size == unknown else (place + length, size)
