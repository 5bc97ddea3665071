"""From a file's bytes to upright RGB pixels, trusting nothing that the file says.

The first bytes decide the format, never the name. Only formats of the allow-list reach a decoder, only the decoder of
that format sees the bytes, and only after the header has passed the pixel limit. A file that does not decode to its
end is refused: half a galaxy is worse than none.

What becomes of colours: transparency lies over black, as on a phone's viewer; colour profiles are turned into sRGB, as
all metadata is dropped; 16 bits a sample are scaled linearly to 8, the full range to the full range, never stretched
(that is for the researcher to decide). Of an animation the first frame is taken.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError, features

from api.media.errors import (
    DamagedImageError,
    NotAnImageError,
    TooManyPixelsError,
    UnsupportedFormatError,
)
from api.media.video import Footage
from api.media.wanted import Sky

MIME_TYPES: Final = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
} | ({"AVIF": "image/avif"} if features.check("avif") else {})
"""The formats that Pillow decodes for us, each with its MIME type."""

ACCEPTED: Final = (*MIME_TYPES, "FITS", "MP4", "WebM")
"""The formats that are accepted, FITS packed with gzip or bzip2 too; FITS and videos are read elsewhere."""

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"SIMPLE  =", "FITS"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"II+\0", "BigTIFF"),
    (b"MM\0+", "BigTIFF"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG or other XML"),
    (b"\x1f\x8b", "A file packed with gzip"),
    (b"BZh", "A file packed with bzip2"),
)
_BRANDS: Final = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC"}

_DECODER_FAILURES: Final = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    struct.error,
)
"""What Pillow raises on broken files, found by cutting, zeroing and flipping bytes of every format."""

_ORIENTATION: Final = 0x0112
_BITS_PER_SAMPLE: Final = 258
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""
_TIFF_MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"})
_ZERO_TAIL_BYTES: Final = 256
DRAFT_FACTOR: Final = 2
"""A JPEG that is much larger than needed is decoded at a half, quarter or eighth, but never at less than this many
times the wanted width: the rest of the way is resampled, and the eye sees no difference."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Upright pixels; `width` and `height` are the original's, of which `pixels` may be a reduction.

    `sky` is where a frame points, and `note` what whoever imports it should know: why it has no position, say. Of a
    video the pixels are its still, and `footage` is what plays.
    """

    mime: str
    width: int
    height: int
    pixels: Image.Image
    sky: Sky | None = None
    note: str | None = None
    footage: Footage | None = None


def decode(content: bytes, source: Path, *, pixel_limit: int, wanted_width: int) -> Decoded:
    """Return the upright RGB pixels of an image file, at `wanted_width` or more where the image has that.

    Raises
    ------
    NotAnImageError, UnsupportedFormatError, DamagedImageError, TooManyPixelsError
        Each names `source`.
    """
    kind = _accepted_format(content, source)
    with _strict_pillow(pixel_limit):
        image = _open(content, kind, source, pixel_limit)
        _refuse_deep_tiff(image, kind, source)
        try:
            return _upright(image, kind, wanted_width)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise TooManyPixelsError(source, *image.size, pixel_limit) from None
        except _DECODER_FAILURES as error:
            raise DamagedImageError(source, str(error)) from error


def _accepted_format(content: bytes, source: Path) -> str:
    kind = _format_of(content[:32])
    if kind is None:
        raise NotAnImageError(source, ACCEPTED)
    if kind not in MIME_TYPES:
        raise UnsupportedFormatError(source, kind, ACCEPTED)
    return kind


def _format_of(beginning: bytes) -> str | None:
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "WEBP"
    if beginning[4:8] == b"ftyp":
        return _BRANDS.get(beginning[8:12])
    return next((kind for start, kind in _BEGINNINGS if beginning.startswith(start)), None)


@contextmanager
def _strict_pillow(pixel_limit: int | None) -> Iterator[None]:
    """Set Pillow's own pixel limit and make an error of passing it; other warnings are about metadata we drop."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixel_limit
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _open(content: bytes, kind: str, source: Path, pixel_limit: int) -> Image.Image:
    """Return the image with its header read and nothing decoded."""
    try:
        return _opened(content, kind, source, pixel_limit)
    except UnidentifiedImageError as error:
        raise DamagedImageError(source, "its header makes no sense") from error
    except _DECODER_FAILURES as error:
        raise DamagedImageError(source, str(error)) from error


def _opened(content: bytes, kind: str, source: Path, pixel_limit: int) -> Image.Image:
    if kind in {"WEBP", "AVIF"} and not any(content[-_ZERO_TAIL_BYTES:]):
        raise DamagedImageError(source, "it ends in zeros")  # their decoders make a grey area of it
    try:
        image = Image.open(io.BytesIO(content), formats=[kind])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixelsError(source, *_declared_size(content, kind), pixel_limit) from None
    if kind == "PNG":
        Image.open(io.BytesIO(content), formats=[kind]).verify()  # decoding checks neither the sums nor the end
    return image


def _declared_size(content: bytes, kind: str) -> tuple[int, int]:
    """Return the width and height that a header declares, for the message only: opening decodes nothing."""
    with _strict_pillow(None):
        return Image.open(io.BytesIO(content), formats=[kind]).size


def _refuse_deep_tiff(image: Image.Image, kind: str, source: Path) -> None:
    """Refuse TIFFs of more than 8 bits a sample: they hold measurements, and nothing says which of them are white."""
    if kind != "TIFF":
        return
    bits = image.getexif().get(_BITS_PER_SAMPLE, 1)
    deepest = max(bits) if isinstance(bits, tuple) else bits
    if deepest > 8:
        raise UnsupportedFormatError(source, f"A TIFF with {deepest} bits a sample", ACCEPTED)
    if image.mode not in _TIFF_MODES:
        raise UnsupportedFormatError(source, f"A TIFF in the colour space {image.mode}", ACCEPTED)


def _upright(image: Image.Image, kind: str, wanted_width: int) -> Decoded:
    width, height = image.size
    orientation = 1 if kind == "TIFF" else _orientation(image)  # Pillow turns a TIFF by itself
    on_its_side = orientation >= 5
    if kind == "JPEG":
        least = wanted_width * DRAFT_FACTOR
        image.draft(None, (1, least) if on_its_side else (least, 1))
    image.load()
    pixels = _in_srgb(image)
    if orientation in _TURNS:
        pixels = pixels.transpose(_TURNS[orientation])
    if on_its_side:
        width, height = height, width
    return Decoded(MIME_TYPES[kind], width, height, pixels)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; metadata too broken to read says nothing."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _DECODER_FAILURES:
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the pixels as opaque sRGB with 8 bits a sample."""
    if image.mode.startswith("I;16"):
        return _narrowed(image)
    pixels = image
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        pixels = Image.new("RGB", image.size)
        pixels.paste(layer, mask=layer.getchannel("A"))
    elif image.mode not in {"RGB", "CMYK"}:
        pixels = image.convert("RGB")
    pixels = _profiled(pixels, image.info.get("icc_profile"))
    return pixels if pixels.mode == "RGB" else pixels.convert("RGB")


def _narrowed(image: Image.Image) -> Image.Image:
    """Return 16 bit grey as 8 bit RGB, 65535 becoming 255 (Pillow's own conversion clips at 255)."""
    samples = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((samples + 128) // 257).astype(np.uint8)).convert("RGB")


def _profiled(pixels: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the pixels with their colour profile applied; one that is broken, or of another space, is passed over."""
    if not profile:
        return pixels
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != pixels.mode or "sRGB" in (given.profile.profile_description or ""):
            return pixels
        return ImageCms.profileToProfile(pixels, given, ImageCms.createProfile("sRGB"), outputMode="RGB") or pixels
    except (ImageCms.PyCMSError, *_DECODER_FAILURES):
        return pixels
