"""AVIF beside WebP, made when nothing else is to be done: a fifth smaller, and five times the work.

The original is not kept, so a width is made of the widest WebP, and only where that is half as wide again or more: what
WebP has lost goes under in the scaling. Measured on the Hubble field and a portrait, from WebP at 1,000 pixels: at
quality 65 a width of 320 takes 0.77 of WebP's bytes at a structural similarity of 0.963 (WebP 0.967), one of 640 takes
0.80 at 0.942 (0.954); at the same width the losses of both would add up (0.936 where WebP has 0.955), so the widest has
no AVIF, and nor have pictures of one width. What is not a twentieth smaller is not kept.
"""

import asyncio
import io
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Final, Self

from PIL import Image, features

from api.media.images import key
from api.media.pool import SpawningContext, begin_worker, shut_down
from api.media.storage import Place
from api.media.variants import AVIF, REDUCING_GAP

_QUALITY: Final = 65
_SPEED: Final = 6
_NARROWER: Final = 1.5
_WORTH_IT: Final = 0.95
_NICENESS: Final = 19


def available() -> bool:
    """Tell whether Pillow can write AVIF here."""
    return bool(features.check("avif"))


def worthy(widths: Sequence[int]) -> list[int]:
    """Return the widths of a picture, of which `widths` are all, that are made as AVIF."""
    return [width for width in widths if width * _NARROWER <= max(widths)]


def make(place: Place, digest: str, widths: Sequence[int]) -> int:
    """Make the AVIF of a picture that has these widths as WebP; return how many were worth keeping.

    Raises
    ------
    StorageError
        The store does not answer.
    """
    storage, made = place.open(), 0
    wide = storage.get(key(digest, max(widths)) or "")
    if wide is None:
        return 0
    with Image.open(io.BytesIO(wide), formats=["WEBP"]) as opened:
        pixels = opened.convert("RGB")
    for width in worthy(widths):
        webp = storage.head(key(digest, width) or "")
        content = _encoded(pixels, width)
        if webp is not None and len(content) <= webp.size_bytes * _WORTH_IT:
            storage.put(key(digest, width, "avif") or "", content, AVIF)
            made += 1
    return made


def _encoded(pixels: Image.Image, width: int) -> bytes:
    size = (width, max(1, round(pixels.height * width / pixels.width)))
    buffer = io.BytesIO()
    narrow = pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
    narrow.save(buffer, "AVIF", quality=_QUALITY, speed=_SPEED, max_threads=1)
    return buffer.getvalue()


class AvifMaker:
    """One process, which gives way to all others, that makes AVIF. Use it as `async with`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._executor: ProcessPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()

    async def make(self, digest: str, widths: Sequence[int]) -> int:
        """Do what `make` does in the process; a picture that takes it down has no AVIF."""
        try:
            made = self._submit(digest, widths)
        except BrokenProcessPool:  # it ended while it had nothing to do: no picture's fault
            await self._end()
            made = self._submit(digest, widths)
        try:
            return await asyncio.wrap_future(made)
        except BrokenProcessPool:
            await self._end()
            return 0

    def _submit(self, digest: str, widths: Sequence[int]) -> Future[int]:
        if self._executor is None:
            self._context = SpawningContext()
            self._executor = ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin)
        return self._executor.submit(make, self._place, digest, widths)

    async def _end(self) -> None:
        if self._executor is not None:
            await shut_down(self._executor, self._context)
            self._executor = None


def _begin() -> None:
    begin_worker()
    os.nice(_NICENESS)
