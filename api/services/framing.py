"""What pictures a row of a manifest asks for, what is stored of them, and what whoever imports them should know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from api.manifest import Location, ManifestRow
from api.media.fits_layout import points_at_the_sky
from api.media.images import PreparedImage
from api.media.video import Video
from api.media.wanted import Cutout, Wanted
from api.store.importing import LocationValues


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a picture that was imported all the same; `line` is its row's."""

    line: int
    location: str
    remark: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.location}: {self.remark}."


def wanted_of(row: ManifestRow, fetched: Mapping[str, Path] | None = None) -> list[Wanted]:
    """Return the pictures of a row, one for each location; `fetched` has the file of every URL.

    Where there are several, they are laid on the pixels of the first that is a FITS frame with a WCS. To find that one,
    headers are read, and nothing else.
    """
    cutout = None
    if row.position is not None and row.cutout_arcsec is not None:
        cutout = Cutout(*row.position, row.cutout_arcsec)
    pictures = [Wanted(_files(location, fetched or {}), location.hdu, cutout) for location in row.locations]
    first = next((each for each in pictures if points_at_the_sky(each.source)), None) if len(pictures) > 1 else None
    if first is None:
        return pictures
    return [
        each if each is first else Wanted(each.files, each.hdu, each.cutout, first.source, first.hdu)
        for each in pictures
    ]


def _files(location: Location, fetched: Mapping[str, Path]) -> tuple[Path, ...]:
    return tuple(part if isinstance(part, Path) else fetched[part] for part in location.parts)


def values_of(row: ManifestRow, location: Location, image: PreparedImage) -> LocationValues:
    """Return what is stored of a location."""
    variants = [[each.width, each.height, each.size_bytes] for each in image.variants]
    sky = None if image.sky is None else asdict(image.sky)
    video = None if image.video is None else _told(image.video)
    return [
        image.digest,
        image.mime,
        image.width,
        image.height,
        image.blurhash,
        variants,
        source_of(row, location),
        sky,
        video,
    ]


def _told(video: Video) -> dict[str, object]:
    told = asdict(video)
    told["bytes"] = told.pop("size_bytes")
    return told


def source_of(row: ManifestRow, location: Location) -> str:
    """Return what a picture is remembered to be made of: its location, and the part of the sky that was cut out."""
    if row.cutout_arcsec is None or row.position is None:
        return _source(location)
    ra, dec = row.position
    return f"{_source(location)} ({row.cutout_arcsec:g} arcsec at {ra:.7f}, {dec:.7f})"


def _source(location: Location) -> str:
    """Return what the manifest calls a location, or the names of its files."""
    named = " + ".join(part.name if isinstance(part, Path) else part for part in location.parts)
    return location.text or named


def notices(row: ManifestRow, images: Sequence[PreparedImage]) -> Iterator[Notice]:
    """Yield what there is to say of the pictures of a row: above all, which frames have no position."""
    elsewhere = row.position is not None or any(image.sky is not None for image in images)
    lack = "imported without a position of its own" if elsewhere else "imported without a position"
    for location, image in zip(row.locations, images, strict=True):
        if image.note is not None:
            remark = f"{image.note}; {lack}" if image.sky is None else image.note
            yield Notice(row.line, _source(location), remark)
