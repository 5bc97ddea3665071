"""Videos for the tests, whole and broken, made on the fly."""

import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]

RATE = 10


def a_film(
    kind: str = "mp4",
    codec: str = "libx264",
    *,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    pixels: str = "yuv420p",
    black: int = 0,
    rate: int = RATE,
    turned: float = 0,
    sound: str | None = None,
    tags: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    seed: int = 1,
) -> bytes:
    """Return a video of noise, ten frames a second, the first `black` of them black, its index at the end."""
    content = io.BytesIO()
    with av.open(content, "w", format=kind, options=dict(options or {})) as made:
        made.metadata.update(tags or {})
        track: Any = made.add_stream(codec, rate=rate)
        track.width, track.height, track.pix_fmt = *size, pixels
        if turned:
            track.set_display_rotation(turned)
        heard: Any = None if sound is None else made.add_stream(sound, rate=48_000)
        for picture in _pictures(frames, size, black, seed):
            made.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        made.mux(track.encode())
        if heard is not None:
            made.mux([*heard.encode(_silence()), *heard.encode()])
    return content.getvalue()


def _pictures(frames: int, size: tuple[int, int], black: int, seed: int) -> Iterator[Picture]:
    dice = np.random.default_rng(seed)
    for number in range(frames):
        noise = dice.integers(0, 256, (*reversed(size), 3), np.uint8)
        yield np.zeros_like(noise) if number < black else noise


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 48_000, 0
    return frame


def a_sound() -> bytes:
    """Return an MP4 with nothing to see in it."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as made:
        heard = made.add_stream("aac", rate=48_000)
        made.mux([*heard.encode(_silence()), *heard.encode()])
    return content.getvalue()
