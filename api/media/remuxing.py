"""From a video file to one that is served, and to its still.

Nothing is transcoded: the packets of the first video track are copied into a fresh container, with its index in front,
so that a phone plays it before it has come whole. Whatever else is in the file stays behind: sound, tracks of places,
comments, names. The same file gives the same bytes, as long as FFmpeg is the same.

The file is read from memory, with the demuxer of its container alone, and its codec has passed the allow-list before
anything is decoded. Durations are counted by packets, not read from headers. What will be served is decoded up to so
many pixels, which are all of a small video and some seconds of a large one; damage further on shows as a packet that is
missing, empty or marked, while bits that are wrong inside one do not.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from api.media.video import MP4, TAKEN, WEBM, Footage, Video, VideoLimits, promised_bytes
from api.media.video_errors import (
    DamagedVideoError,
    NoFrameError,
    NoVideoTrackError,
    TooManyFramesError,
    VideoCodecError,
    VideoContainerError,
    VideoFrameTooLargeError,
    VideoPixelsError,
    VideoTooLongError,
)

_DEMUXERS: Final = {"MP4": "mp4", "WebM": "matroska"}
_MUXERS: Final = {MP4: "mp4", WEBM: "webm"}
_INDEX_FIRST: Final = {MP4: {"movflags": "+faststart"}, WEBM: {"cues_to_front": "1"}}
_DECODERS: Final = "h264,libdav1d,vp8,vp9"
"""What FFmpeg itself may open while it looks what is in a file."""

_PIXELS: Final = {
    "h264": frozenset({"yuv420p", "yuvj420p"}),
    "vp8": frozenset({"yuv420p", "yuva420p"}),
    "vp9": frozenset({"yuv420p", "yuva420p"}),
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
}
"""What phones decode of each codec: H.264 up to High, VP9's profile 0, AV1's Main."""

_FAILURES: Final = (FFmpegError, ValueError, LookupError, RuntimeError, OverflowError, TypeError)
"""What PyAV raises on broken files, found by cutting, zeroing and flipping bytes."""

_SLACK_SECONDS: Final = 0.5
"""What a video may be too long: one that is cut without being encoded anew ends at no frame exactly."""
_STILL_SECONDS: Final = 1.0
_STILL_FRAMES: Final = 60
_BLACK: Final = 32
"""A frame without a sample that is brighter is black; what codecs make of black stays below."""
_WIDEST_SAMPLE: Final = 4


def served(content: bytes, container: str, source: Path, limits: VideoLimits) -> tuple[Footage, Image.Image]:
    """Return a video as it is served, and its still.

    Raises
    ------
    MediaError
        One class for each thing that can be wrong with a video.
    """
    if container not in _DEMUXERS:
        raise VideoContainerError(source, container)
    promised = promised_bytes(content) if container == "WebM" else None
    if promised is not None and promised > len(content):
        raise DamagedVideoError(source, f"its header promises {promised:,} bytes, but {len(content):,} are there")
    with _telling(source), _opened(content, container, limits) as given:
        track = _track(given, container, source, limits)
        codec = track.codec.canonical_name
        mime = TAKEN[container, codec]
        copied, seconds = _copied(given, track, mime, source, limits)
    with _telling(source), _opened(copied, container, limits) as made:
        still = _still(made, codec, source, limits)
    return Footage(Video(mime, *still.size, len(copied), seconds), copied), still


@contextmanager
def _telling(source: Path) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        detail = error.strerror if isinstance(error, FFmpegError) else str(error)
        raise DamagedVideoError(source, detail or type(error).__name__) from error


def _opened(content: bytes, container: str, limits: VideoLimits) -> InputContainer:
    options = {"codec_whitelist": _DECODERS, "protocol_whitelist": "", "max_pixels": str(limits.pixels)}
    return av.open(io.BytesIO(content), "r", format=_DEMUXERS[container], options=options, metadata_errors="replace")


def _track(given: InputContainer, container: str, source: Path, limits: VideoLimits) -> VideoStream:
    """Return the first track of pictures, if it will do as far as headers tell; a cover picture is none."""
    tracks = (each for each in given.streams.video if not each.disposition & Disposition.attached_pic)
    track = next(tracks, None)
    if track is None:
        raise NoVideoTrackError(source)
    context = cast(VideoCodecContext | None, track.codec_context)  # there is none for what FFmpeg cannot decode
    codec = "an unknown codec" if context is None else context.codec.canonical_name
    if (container, codec) not in TAKEN:
        raise VideoCodecError(source, codec, container)
    _refuse_large(track.width, track.height, source, limits)
    return track


def _refuse_large(width: int, height: int, source: Path, limits: VideoLimits) -> None:
    if width * height > limits.pixels:
        raise VideoFrameTooLargeError(source, width, height, limits.pixels)


def _copied(
    given: InputContainer, track: VideoStream, mime: str, source: Path, limits: VideoLimits
) -> tuple[bytes, float]:
    """Return the track in a container of its own, and how long it lasts."""
    made = io.BytesIO()
    options = {"fflags": "+bitexact", **_INDEX_FIRST[mime]}
    first, last = None, Fraction(0)
    with av.open(made, "w", format=_MUXERS[mime], options=options, io_open=lambda *_: _Reader(made)) as target:
        copy = target.add_stream_from_template(track, opaque=True)
        for packet in _packets(given, track, source, limits):
            begin, end = _times(packet)
            first = begin if first is None else min(first, begin)
            last = max(last, end)
            if last - first > limits.seconds + _SLACK_SECONDS:
                raise VideoTooLongError(source, _longest(given, last - first), limits.seconds)
            packet.stream = copy
            target.mux_one(packet)
    if first is None:
        raise NoFrameError(source)
    return made.getvalue(), round(float(last - first), 3)


def _packets(
    given: InputContainer, track: VideoStream, source: Path, limits: VideoLimits
) -> "Iterator[Packet[VideoStream]]":
    """Yield the packets of a track, each looked at; then look whether any is missing."""
    count = 0
    for packet in given.demux(track):
        if not packet.size:
            continue
        if packet.is_corrupt or not any(bytes(packet)):
            raise DamagedVideoError(source, f"frame {count + 1} is not whole")
        count += 1
        if count > limits.frames:
            raise TooManyFramesError(source, limits.frames)
        yield packet
    indexed = len(track.index_entries)
    if given.format.name != "matroska,webm" and count < indexed:
        raise DamagedVideoError(source, f"its index has {indexed:,} frames, but {count:,} are there")


def _times(packet: "Packet[Any]") -> tuple[Fraction, Fraction]:
    """Return when a packet is shown, from and until, in seconds."""
    moment = packet.dts if packet.pts is None else packet.pts
    if moment is None:
        raise ValueError("a frame has no time")
    return moment * packet.time_base, (moment + (packet.duration or 0)) * packet.time_base


def _longest(given: InputContainer, seconds: Fraction) -> float:
    """Return how long a video lasts that was not read to its end: what it says, if that is more than what was read."""
    return max(float(seconds), (given.duration or 0) / av.time_base)


def _still(made: InputContainer, codec: str, source: Path, limits: VideoLimits) -> Image.Image:
    """Return the first frame of the first second that is not black, else the first; more frames are only decoded."""
    still: Image.Image | None = None
    for number, frame in enumerate(_frames(made, codec, source, limits)):
        if still is None or (number < _STILL_FRAMES and frame.time <= _STILL_SECONDS and not _is_lit(still)):
            shown = Image.fromarray(frame.to_ndarray(format="rgb24"))
            if still is None or _is_lit(shown):
                still = _upright(shown, frame, made.streams.video[0])
    if still is None:
        raise NoFrameError(source)
    return still


def _frames(made: InputContainer, codec: str, source: Path, limits: VideoLimits) -> Iterator[VideoFrame]:
    """Yield frames that phones can show, until so many pixels were decoded."""
    track = made.streams.video[0]
    track.codec_context.thread_count = 1
    track.codec_context.options = {"max_pixels": str(limits.pixels)}
    left = limits.decoded_pixels
    for frame in made.decode(track):
        _refuse_large(frame.width, frame.height, source, limits)
        if frame.format.name not in _PIXELS[codec]:
            raise VideoPixelsError(source, codec, frame.format.name)
        yield frame
        left -= frame.width * frame.height
        if left < 0:
            return


def _is_lit(shown: Image.Image) -> bool:
    return int(np.asarray(shown).max()) > _BLACK


def _upright(shown: Image.Image, frame: VideoFrame, track: VideoStream) -> Image.Image:
    """Return a frame as a player shows it: its samples made square, then turned."""
    aspect = float(track.sample_aspect_ratio or 1)
    if aspect != 1 and 1 / _WIDEST_SAMPLE <= aspect <= _WIDEST_SAMPLE:
        shown = shown.resize((max(1, round(shown.width * aspect)), shown.height))
    quarters = round(frame.rotation / 90) % 4
    turns = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    turn = turns[quarters]
    return shown if turn is None else shown.transpose(turn)


class _Reader(io.RawIOBase):
    """A second reader of what is being written: to put the index first, FFmpeg shifts the rest behind it."""

    def __init__(self, written: io.BytesIO) -> None:
        self._written = written
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._place, self._written.getbuffer().nbytes)[whence]
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int = -1) -> bytes:
        with self._written.getbuffer() as view:
            part = bytes(view[self._place :] if size < 0 else view[self._place : self._place + size])
        self._place += len(part)
        return part
