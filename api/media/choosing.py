"""Which decoder makes a picture: that of frames of the sky, of videos, or of plain images, by the first bytes."""

import io
from collections.abc import Sequence
from pathlib import Path

from api.media import packing
from api.media.decoding import Decoded, decode
from api.media.errors import NotFitsError
from api.media.fits_layout import BEGINNING as FITS_BEGINNING
from api.media.video import DEFAULT_VIDEO_LIMITS, VideoLimits, container_of
from api.media.wanted import Wanted


def decode_wanted(
    wanted: Wanted,
    contents: Sequence[bytes],
    *,
    pixel_limit: int,
    wanted_width: int,
    video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
) -> Decoded:
    """Return the picture that is wanted; `contents` are those of `wanted.paths`.

    Raises
    ------
    MediaError
        One class for each thing that can be wrong with the files.
    """
    if len(wanted.files) > 1 or _is_fits(contents[0]):
        from api.media.fits import picture  # noqa: PLC0415 - astropy takes half a second that few commands have to wait

        return picture(wanted, contents, pixel_limit=pixel_limit, wanted_width=wanted_width)
    if wanted.cutout is not None:
        raise NotFitsError(wanted.source, "no cutout can be made of it")
    if wanted.hdu is not None:
        raise NotFitsError(wanted.source, f"has no unit {wanted.hdu}")
    if (container := container_of(contents[0])) is not None:
        return _of_video(contents[0], container, wanted.source, video_limits)
    return decode(contents[0], wanted.source, pixel_limit=pixel_limit, wanted_width=wanted_width)


def _of_video(content: bytes, container: str, source: Path, limits: VideoLimits) -> Decoded:
    from api.media.remuxing import served  # noqa: PLC0415 - FFmpeg takes a tenth of a second and 40 MB to load

    footage, still = served(content, container, source, limits)
    return Decoded(footage.video.mime, still.width, still.height, still, footage=footage)


def _is_fits(content: bytes) -> bool:
    """Return whether a file is FITS, packed or not, by its first bytes."""
    if packing.is_packed(content):
        return packing.beginning_of(io.BytesIO(content), len(FITS_BEGINNING)) == FITS_BEGINNING
    return content.startswith(FITS_BEGINNING)
