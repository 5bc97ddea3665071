"""What can be wrong with a video: one class per situation, each with what would be right."""

from pathlib import Path
from typing import Final

from api.media.errors import MediaError

_ENCODED: Final = "-c:v libx264 -pix_fmt yuv420p -an out.mp4"
_NAMES: Final = {"h264": "H.264", "hevc": "HEVC", "av1": "AV1", "vp8": "VP8", "vp9": "VP9", "mpeg4": "MPEG-4 part 2"}


def _converted(source: Path, options: str = "") -> str:
    """Return the command that makes an MP4 of a video, in brackets, so that no full stop clings to it."""
    return f"(ffmpeg -i in{source.suffix.lower()} {options}{_ENCODED})"


class VideoContainerError(MediaError):
    """The video is in a container that browsers do not play."""

    def __init__(self, source: Path, found: str) -> None:
        super().__init__(source, f"{found} is not accepted", f"convert it to MP4 {_converted(source)}")
        self.found = found


class VideoCodecError(MediaError):
    """The video is encoded in a way that few phones play, or not in this container."""

    def __init__(self, source: Path, codec: str, container: str) -> None:
        problem = f"{_NAMES.get(codec, codec)} in {container} plays on few phones"
        super().__init__(source, problem, f"convert it to H.264 {_converted(source)}")
        self.codec = codec
        self.container = container


class VideoPixelsError(MediaError):
    """The codec will do, but not the form of its pixels: more than 8 bits, or colours at full resolution."""

    def __init__(self, source: Path, codec: str, pixels: str) -> None:
        problem = f"{_NAMES.get(codec, codec)} with pixels in {pixels} plays on few phones"
        super().__init__(source, problem, f"convert them to yuv420p {_converted(source)}")
        self.codec = codec
        self.pixels = pixels


class NoVideoTrackError(MediaError):
    """The file has no track of pictures: sound alone, say."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, "there is no video in it", "give a file with a video track, or a still picture")


class VideoTooLongError(MediaError):
    """The video lasts longer than is accepted."""

    def __init__(self, source: Path, seconds: float, limit_seconds: float) -> None:
        remedy = f"at most {limit_seconds:g} are accepted: cut it (ffmpeg -i in{source.suffix.lower()} -t"
        problem = f"the video lasts {seconds:,.1f} seconds"
        super().__init__(source, problem, f"{remedy} {limit_seconds:g} -c copy -an out{source.suffix.lower()})")
        self.seconds = seconds
        self.limit_seconds = limit_seconds


class VideoFrameTooLargeError(MediaError):
    """The frames of the video have more pixels than phones decode."""

    def __init__(self, source: Path, width: int, height: int, limit: int) -> None:
        problem = f"its frames have {width} x {height} = {width * height:,} pixels"
        remedy = f"at most {limit:,} are accepted: make it smaller {_converted(source, '-vf scale=1280:-2 ')}"
        super().__init__(source, problem, remedy)
        self.width = width
        self.height = height
        self.limit = limit


class TooManyFramesError(MediaError):
    """The video has more frames than are looked at."""

    def __init__(self, source: Path, limit: int) -> None:
        problem = f"the video has more than {limit:,} frames"
        super().__init__(source, problem, f"take fewer a second {_converted(source, '-r 30 ')}")
        self.limit = limit


class NoFrameError(MediaError):
    """Not one frame of the video can be decoded."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, "not one frame of the video can be decoded", "copy it again, or convert it anew")


class DamagedVideoError(MediaError):
    """The file begins as a video does, but makes no sense, or ends too early."""

    def __init__(self, source: Path, detail: str) -> None:
        super().__init__(source, f"the video is unfinished or damaged ({detail})", "copy it again")
        self.detail = detail
