"""Pictures for the tests of media, whole and broken, made on the fly."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def a_picture(width: int = 400, height: int = 300, seed: int = 0) -> Image.Image:
    """Return a colourful picture that compresses about as badly as a photograph."""
    small = np.random.default_rng(seed).integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def a_file(folder: Path, name: str = "picture.png", content: bytes | None = None) -> Path:
    """Return a file with this content, or a sound PNG."""
    path = folder / name
    path.write_bytes(encoded(a_picture(), "PNG") if content is None else content)
    return path


def with_corners(top_left: tuple[int, int, int], top_right: tuple[int, int, int]) -> Image.Image:
    """Return a black picture, 64 wide and 32 high, whose upper quarters have these colours."""
    image = Image.new("RGB", (64, 32))
    image.paste(top_left, (0, 0, 16, 16))
    image.paste(top_right, (48, 0, 64, 16))
    return image


def turned(image: Image.Image, kind: str, orientation: int) -> bytes:
    """Return a file that asks, in its EXIF metadata, to be turned before it is shown."""
    metadata = Image.Exif()
    metadata[0x0112] = orientation
    return encoded(image, kind, exif=metadata)


def a_png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG whose header declares a size, and that has no pixels at all."""
    return _png(_header(width, height), _chunk(b"IDAT", b""))


def a_black_png(width: int, height: int) -> bytes:
    """Return a sound PNG of one bit a pixel: 900 megapixels of it take about 100 kB."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(row * 100) for _ in range(height // 100))
    rest = packer.compress(row * (height % 100)) + packer.flush()
    return _png(_header(width, height), _chunk(b"IDAT", packed + rest))


def _png(*chunks: bytes) -> bytes:
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks, _chunk(b"IEND", b"")))


def _header(width: int, height: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
