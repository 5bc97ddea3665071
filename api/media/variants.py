"""The sizes in which an image is served: WebP at several widths, and a blurhash for the time until it is there.

An image gets every width of `WIDTHS` that it has to spare, and its own width where that lies below the widest: 256
pixels wide gives 256; 800 gives 320, 640, 800; 4000 gives 320, 640, 1080, 1600. Nothing is ever scaled up. The same
pixels always give the same bytes.
"""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import blurhash
from PIL import Image

WEBP: Final = "image/webp"
AVIF: Final = "image/avif"

WIDTHS: Final = (320, 640, 1080, 1600)
"""Pixels across: a phone of today, at one, two and three times its density, and a tablet."""

TALLEST: Final = 16383
"""Pixels: the side that WebP can hold."""

QUALITY: Final = 82
METHOD: Final = 4
REDUCING_GAP: Final = 3.0
_BLUR_SIDE: Final = 16
_BLUR_COMPONENTS: Final = (4, 3)

Sizes: TypeAlias = tuple[tuple[int, int], ...]
"""Width and height of each."""


@dataclass(frozen=True, slots=True, order=True)
class Variant:
    """One size of an image, in pixels and in bytes as WebP."""

    width: int
    height: int
    size_bytes: int


def sizes(width: int, height: int) -> Sizes:
    """Return width and height of each variant of an image, the narrowest first; none if it is too tall for all."""
    widths = [step for step in WIDTHS if step < width] + [width] * (width <= WIDTHS[-1])
    scaled = ((step, max(1, round(height * step / width))) for step in widths)
    return tuple(size for size in scaled if size[1] <= TALLEST)


def encoded(pixels: Image.Image, wanted: Sizes) -> Iterator[tuple[Variant, bytes]]:
    """Yield each wanted size as WebP, the widest first; each is made from the one before."""
    for size in sorted(wanted, reverse=True):
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)
        buffer = io.BytesIO()
        pixels.save(buffer, "WEBP", quality=QUALITY, method=METHOD)
        content = buffer.getvalue()
        yield Variant(*size, len(content)), content


def blurred(pixels: Image.Image) -> str:
    """Return the blurhash of an image: some thirty characters that a phone paints until the image has come."""
    thumbnail = pixels.resize((_BLUR_SIDE, _BLUR_SIDE), Image.Resampling.BOX, reducing_gap=REDUCING_GAP)
    across, down = _BLUR_COMPONENTS if pixels.width >= pixels.height else reversed(_BLUR_COMPONENTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # blurhash calls Image.getdata, which leaves with Pillow 14
        return str(blurhash.encode(thumbnail, across, down))
