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
    """The file does not begin as any image does, whatever its name says."""

    def __init__(self, source: Path, accepted: Sequence[str]) -> None:
        super().__init__(source, "this is not an image, whatever its name says", f"give one of {', '.join(accepted)}")
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


class WorkerDiedError(MediaError):
    """The worker process that prepared this image ended: a crash, too little memory, or too long a time."""

    def __init__(self, source: Path, limit_seconds: int) -> None:
        problem = f"its worker process crashed, ran out of memory or took longer than {limit_seconds} seconds"
        super().__init__(source, problem, "make the image smaller, or convert it to PNG")
        self.limit_seconds = limit_seconds


class WorkersCannotStartError(Exception):
    """No worker process lives long enough to take its first image; no image is to blame."""

    def __init__(self) -> None:
        super().__init__("The worker processes that prepare images end as soon as they start. Is there enough memory?")
