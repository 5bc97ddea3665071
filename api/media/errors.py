"""What can be wrong with an image file: one base class, one class per situation, the values as attributes.

Each error says what is wrong (`problem`) and what would be right (`remedy`), and travels from a worker process to its
parent.
"""

from collections.abc import Callable, Sequence
from pathlib import Path


class MediaError(Exception):
    """Something that keeps a file from becoming an image that can be served."""

    def __init__(self, source: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{source.name}: {problem}; {remedy}.")
        self.source = source
        self.problem = problem
        self.remedy = remedy

    def __reduce__(self) -> tuple[Callable[..., "MediaError"], tuple[object, ...]]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[MediaError], arguments: tuple[object, ...], attributes: dict[str, object]) -> MediaError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class MissingFileError(MediaError):
    """There is no such file."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, "there is no such file", "check the spelling, capital letters too, or copy the file")


class UnreadableFileError(MediaError):
    """The file is there, but cannot be read: a folder, a device, or a matter of permissions."""

    def __init__(self, source: Path, reason: str) -> None:
        super().__init__(source, f"the file cannot be read ({reason})", "give a file that you may read")
        self.reason = reason


class EmptyFileError(MediaError):
    """The file has no bytes."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, "the file is empty", "copy it again")


class FileTooLargeError(MediaError):
    """The file has more bytes than are accepted."""

    def __init__(self, source: Path, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(source, f"the file has {size_bytes:,} bytes", f"at most {limit_bytes:,} are accepted")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class NotAnImageError(MediaError):
    """The file does not begin as any image or video does, whatever its name says."""

    def __init__(self, source: Path, accepted: Sequence[str]) -> None:
        problem = "this is neither an image nor a video, whatever its name says"
        super().__init__(source, problem, f"give one of {', '.join(accepted)}")
        self.accepted = tuple(accepted)


class UnsupportedFormatError(MediaError):
    """The file is of a kind that we know and do not accept."""

    def __init__(self, source: Path, found: str, accepted: Sequence[str]) -> None:
        super().__init__(source, f"{found} is not accepted", f"convert it to one of {', '.join(accepted)}")
        self.found = found
        self.accepted = tuple(accepted)


class DamagedImageError(MediaError):
    """The file begins as an image does, but cannot be decoded to its end."""

    def __init__(self, source: Path, detail: str) -> None:
        super().__init__(source, f"the image is unfinished or damaged ({detail})", "copy it again")
        self.detail = detail


class TooManyPixelsError(MediaError):
    """The image declares more pixels than are decoded."""

    def __init__(self, source: Path, width: int, height: int, limit: int) -> None:
        pixels = f"the image has {width} x {height} = {width * height:,} pixels"
        super().__init__(source, pixels, f"at most {limit:,} are accepted")
        self.width = width
        self.height = height
        self.limit = limit


class TooTallError(MediaError):
    """The image is so tall and narrow that WebP cannot hold it at any width we serve."""

    def __init__(self, source: Path, width: int, height: int, limit: int) -> None:
        problem = f"the image is {width} pixels wide and {height} tall"
        super().__init__(source, problem, f"cut it into pieces, at most {limit} times as tall as wide")
        self.width = width
        self.height = height
        self.limit = limit


class DamagedFitsError(MediaError):
    """The file begins as FITS does, but its headers or its data make no sense."""

    def __init__(self, source: Path, detail: str) -> None:
        super().__init__(source, f"the FITS file is damaged ({detail})", "copy it again")
        self.detail = detail


class TruncatedFitsError(MediaError):
    """A header promises more data than the file has: it is cut off, or the header lies."""

    def __init__(self, source: Path, promised_bytes: int, present_bytes: int) -> None:
        problem = f"its header promises {promised_bytes:,} bytes of data, but {present_bytes:,} are there"
        super().__init__(source, problem, "copy it again, or make a header that fits the data")
        self.promised_bytes = promised_bytes
        self.present_bytes = present_bytes


class UnpackedTooLargeError(MediaError):
    """What is packed in the file is larger than is accepted."""

    def __init__(self, source: Path, limit_bytes: int) -> None:
        problem = f"the file is packed and holds more than {limit_bytes:,} bytes"
        super().__init__(source, problem, "cut the frame into smaller ones")
        self.limit_bytes = limit_bytes


class FitsCubeError(MediaError):
    """The FITS image has planes, and nothing says that they are three bands of light."""

    def __init__(self, source: Path, lengths: Sequence[int], bands: Sequence[str]) -> None:
        planes = " x ".join(f"{length:,}" for length in lengths[:-2])
        size = f"{lengths[-1]:,} x {lengths[-2]:,} pixels"
        named = f", called {', '.join(bands)}" if bands else ""
        remedy = "give one plane as a frame of its own, or three bands as red.fits + green.fits + blue.fits"
        super().__init__(source, f"this is a cube: {planes} planes of {size}{named}", remedy)
        self.lengths = tuple(lengths)
        self.bands = tuple(bands)


class NoImageInFitsError(MediaError):
    """No unit of the FITS file holds an image of two axes."""

    def __init__(self, source: Path, found: Sequence[str]) -> None:
        super().__init__(
            source, f"the FITS file has no image; it has {', '.join(found[:5])}", "give a frame with two axes"
        )
        self.found = tuple(found)


class NoSuchHduError(MediaError):
    """The FITS file has fewer units."""

    def __init__(self, source: Path, hdu: int, count: int) -> None:
        there = "only unit 0" if count == 1 else f"units 0 to {count - 1}"
        super().__init__(
            source, f"there is no unit {hdu}", f"the file has {there}; leave [{hdu}] out for the first image"
        )
        self.hdu = hdu
        self.count = count


class WrongHduError(MediaError):
    """The unit of the FITS file that is asked for holds no image of two axes."""

    def __init__(self, source: Path, hdu: int, found: str) -> None:
        super().__init__(source, f"unit {hdu} holds {found}", "name a unit with an image of two axes")
        self.hdu = hdu
        self.found = found


class BlankFrameError(MediaError):
    """No pixel of the frame, or of the part that is asked for, has a value."""

    def __init__(self, source: Path, part: str = "frame") -> None:
        super().__init__(source, f"no pixel of the {part} has a value (all are NaN)", "leave it out, or give another")
        self.part = part


class NotFitsError(MediaError):
    """Something is asked of a plain image that only a FITS frame can give."""

    def __init__(self, source: Path, asked: str) -> None:
        super().__init__(source, f"this is no FITS file, and so {asked}", "give FITS, or ask for the image as it is")
        self.asked = asked


class BandsDifferError(MediaError):
    """The bands of a picture differ in size, and nothing says how they lie on each other."""

    def __init__(self, source: Path, sizes: Sequence[tuple[int, int]]) -> None:
        said = " and ".join(f"{width} x {height}" for width, height in dict.fromkeys(sizes))
        problem = f"the bands have different sizes ({said} pixels), and not all have a WCS to lay them on each other"
        super().__init__(source, problem, "give bands of one size, or with a WCS each")
        self.sizes = tuple(sizes)


class FramesApartError(MediaError):
    """Frames that are to lie on each other show different parts of the sky."""

    def __init__(self, source: Path, other: Path) -> None:
        problem = f"by its WCS, no pixel of it lies on {other.name}"
        super().__init__(source, problem, "give frames of other parts of the sky as subjects of their own")
        self.other = other


class NoWcsError(MediaError):
    """A part of the sky is asked for, of a frame that does not say where it points."""

    def __init__(self, source: Path) -> None:
        problem = "a cutout is asked for, but the frame has no WCS"
        super().__init__(source, problem, "give a frame with a WCS, or leave the cell cutout empty")


class BrokenWcsError(MediaError):
    """A part of the sky is asked for, of a frame whose WCS makes no sense."""

    def __init__(self, source: Path, detail: str) -> None:
        problem = f"a cutout is asked for, but the frame's WCS makes no sense ({detail})"
        super().__init__(source, problem, "repair the header, or leave the cell cutout empty")
        self.detail = detail


class CutoutOutsideError(MediaError):
    """The part of the sky that is asked for lies outside of the frame."""

    def __init__(self, source: Path, ra: float, dec: float, centre: tuple[float, float] | None) -> None:
        there = "" if centre is None else f", whose centre is at {centre[0]:.5f}, {centre[1]:+.5f}"
        problem = f"the cutout at {ra:.5f}, {dec:+.5f} lies outside of the frame{there}"
        super().__init__(source, problem, "check ra and dec (ICRS degrees), or give the frame that covers them")
        self.ra = ra
        self.dec = dec
        self.centre = centre


class CutoutSizeError(MediaError):
    """The part of the sky that is asked for has hardly a pixel, or too many."""

    def __init__(self, source: Path, side_arcsec: float, scale_arcsec: float) -> None:
        pixels = f"{side_arcsec / scale_arcsec:,.1f} pixels of {scale_arcsec:.3g} arcsec"
        problem = f"a cutout of {side_arcsec:g} arcsec is {pixels} wide in this frame"
        super().__init__(source, problem, "choose a side that gives 2 to 10,000 pixels")
        self.side_arcsec = side_arcsec
        self.scale_arcsec = scale_arcsec


class WorkerDiedError(MediaError):
    """The worker process that prepared this image ended: a crash, too little memory, or too long a time."""

    def __init__(self, source: Path, limit_seconds: int) -> None:
        problem = f"its worker process crashed, ran out of memory or took longer than {limit_seconds} seconds"
        super().__init__(source, problem, "make it smaller, or convert an image to PNG, a video to MP4")
        self.limit_seconds = limit_seconds


class WorkersCannotStartError(Exception):
    """No worker process lives long enough to take its first image; no image is to blame."""

    def __init__(self) -> None:
        super().__init__("The worker processes that prepare images end as soon as they start. Is there enough memory?")
