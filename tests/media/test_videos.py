"""Videos made ready for phones: packed anew with the index in front, with a still, and with nothing else in them."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from api.media.errors import MediaError, NotFitsError
from api.media.folder import FolderStorage
from api.media.images import Limits, PreparedImage, key, prepare, video_key
from api.media.video import MP4, WEBM, Video, VideoLimits, container_of
from api.media.video_errors import (
    DamagedVideoError,
    NoVideoTrackError,
    TooManyFramesError,
    VideoCodecError,
    VideoContainerError,
    VideoFrameTooLargeError,
    VideoPixelsError,
    VideoTooLongError,
)
from api.media.wanted import Wanted
from tests.media.drawings import a_file
from tests.media.films import a_film, a_sound

SECRETS = {"title": "Mr Badger's garden", "location": "+48.1371+011.5754/"}


def made(folder: Path, content: bytes) -> tuple[PreparedImage, bytes]:
    storage = FolderStorage(folder)
    image = prepare(a_file(folder, "garden 7.mp4", content), storage)
    assert image.video is not None
    return image, storage.get(video_key(image.digest, image.video.mime) or "") or b""


def still(folder: Path, image: PreparedImage) -> Image.Image:
    return Image.open(io.BytesIO(FolderStorage(folder).get(key(image.digest, image.variants[-1].width) or "") or b""))


def refusal(folder: Path, content: bytes, name: str = "in.mp4", limits: Limits | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught:
        prepare(a_file(folder, name, content), FolderStorage(folder / "root"), limits or Limits())
    assert not (folder / "root").exists()
    return caught.value


@pytest.mark.parametrize(
    ("kind", "codec", "mime"),
    [
        ("mp4", "libx264", MP4),
        ("mov", "libx264", MP4),
        ("mp4", "libsvtav1", MP4),
        ("webm", "libvpx", WEBM),
        ("webm", "libvpx-vp9", WEBM),
        ("webm", "libsvtav1", WEBM),
    ],
)
def test_what_phones_play_is_served_with_a_still(tmp_path: Path, kind: str, codec: str, mime: str) -> None:
    image, served = made(tmp_path, a_film(kind, codec))

    assert image.video == Video(mime, 64, 48, len(served), 1.2)
    assert (image.mime, image.width, image.height, [each.width for each in image.variants]) == (mime, 64, 48, [64])
    assert still(tmp_path, image).size == (64, 48)
    with av.open(io.BytesIO(served), "r") as container:
        assert len(list(container.decode(video=0))) == 12


def test_the_index_is_in_front_so_that_it_plays_before_it_is_there(tmp_path: Path) -> None:
    given = a_film()

    _, served = made(tmp_path, given)

    assert given.index(b"moov") > given.index(b"mdat")
    assert served.index(b"moov") < served.index(b"mdat")


@pytest.mark.parametrize(("kind", "codec", "sound"), [("mp4", "libx264", "aac"), ("webm", "libvpx", "libopus")])
def test_neither_sound_nor_what_is_told_of_place_and_title_is_served(
    tmp_path: Path, kind: str, codec: str, sound: str
) -> None:
    given = a_film(kind, codec, sound=sound, tags=SECRETS)

    _, served = made(tmp_path, given)

    assert b"Badger" in given
    assert b"Badger" not in served
    assert b"48.13" not in served
    with av.open(io.BytesIO(served), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_the_same_video_is_made_once_and_made_again_when_it_is_lost(tmp_path: Path) -> None:
    film = a_film()
    image, served = made(tmp_path, film)
    path = tmp_path / (video_key(image.digest, MP4) or "")
    written = path.stat().st_mtime_ns

    assert made(tmp_path, film) == (image, served)
    assert path.stat().st_mtime_ns == written
    path.write_bytes(bytes(len(served)))
    assert made(tmp_path, film) == (image, served)


def test_the_still_is_the_first_frame_that_is_not_black(tmp_path: Path) -> None:
    image, _ = made(tmp_path, a_film(black=5))

    assert np.asarray(still(tmp_path, image)).max() > 100


def test_a_video_that_is_dark_for_a_second_has_its_first_frame_as_still(tmp_path: Path) -> None:
    image, _ = made(tmp_path, a_film(frames=14, black=12))

    assert np.asarray(still(tmp_path, image)).max() < 20


def test_a_video_that_was_held_upright_is_upright(tmp_path: Path) -> None:
    image, served = made(tmp_path, a_film(turned=90))

    assert image.video == Video(MP4, 48, 64, len(served), 1.2)
    assert (image.width, image.height) == (48, 64)


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (
            lambda: a_film(codec="libx265"),
            VideoCodecError,
            "HEVC in MP4 plays on few phones; convert it to H.264"
            " (ffmpeg -i in.mp4 -c:v libx264 -pix_fmt yuv420p -an out.mp4).",
        ),
        (lambda: a_film(codec="mpeg4"), VideoCodecError, "MPEG-4 part 2 in MP4 plays on few phones"),
        (lambda: a_film("matroska"), VideoCodecError, "H.264 in WebM plays on few phones"),
        (lambda: a_film(pixels="yuv444p"), VideoPixelsError, "H.264 with pixels in yuv444p plays on few phones"),
        (lambda: a_film(codec="libx264", pixels="yuv420p10le"), VideoPixelsError, "yuv420p10le"),
        (lambda: a_film("avi"), VideoContainerError, "AVI is not accepted; convert it to MP4"),
    ],
)
def test_what_phones_do_not_play_is_refused_with_the_command_that_helps(
    tmp_path: Path, content: Callable[[], bytes], kind: type[MediaError], said: str
) -> None:
    error = refusal(tmp_path, content())

    assert isinstance(error, kind)
    assert said in str(error)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path, a_sound()), NoVideoTrackError)


def test_a_video_is_measured_and_not_believed(tmp_path: Path) -> None:
    def refused(limits: VideoLimits) -> MediaError:
        return refusal(tmp_path, a_film(), limits=Limits(video=limits))

    long = refused(VideoLimits(seconds=0.5))
    large, many = refused(VideoLimits(pixels=64 * 48 - 1)), refused(VideoLimits(frames=11))

    assert isinstance(long, VideoTooLongError)
    assert "the video lasts 1.2 seconds; at most 0.5 are accepted: cut it (ffmpeg -i in.mp4 -t 0.5 -c copy" in str(long)
    assert isinstance(large, VideoFrameTooLargeError)
    assert isinstance(many, TooManyFramesError)


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_video_that_is_cut_off_is_refused(tmp_path: Path, kind: str) -> None:
    # An index in front says how long a file should be; one at the end is missing.
    _, whole = made(tmp_path, a_film(kind, "libx264" if kind == "mp4" else "libvpx-vp9"))

    for length in (len(whole) - 1, len(whole) // 2, 600):
        assert isinstance(refusal(tmp_path, whole[:length]), DamagedVideoError), length


def test_a_video_with_a_hole_in_it_is_refused(tmp_path: Path) -> None:
    content = bytearray(a_film())
    content[5000:12000] = bytes(7000)

    assert isinstance(refusal(tmp_path, bytes(content)), DamagedVideoError)


def test_no_cutout_is_made_of_a_video(tmp_path: Path) -> None:
    path = a_file(tmp_path, "in.mp4", a_film())

    with pytest.raises(NotFitsError):
        prepare(Wanted((path,), hdu=1), FolderStorage(tmp_path))


def test_whatever_is_damaged_is_an_error_that_is_known(tmp_path: Path) -> None:
    dice = random.Random(5)
    whole = [a_film(), a_film(codec="libsvtav1"), a_film("webm", "libvpx"), made(tmp_path, a_film())[1]]
    refused = 0

    for number in range(150):
        content = bytearray(dice.choice(whole))
        for _ in range(dice.choice([1, 5, 50])):
            content[dice.randrange(12, dice.choice([900, len(content)]))] = dice.randrange(256)
        try:
            prepare(a_file(tmp_path, f"{number}.mp4", bytes(content)), FolderStorage(tmp_path))
        except MediaError:
            refused += 1

    assert 20 < refused < 150


def test_an_image_is_not_taken_for_a_video() -> None:
    assert container_of(b"\0\0\0\x18ftypavif\0\0\0\0") is None
    assert container_of(b"\0\0\0\x18ftypheic\0\0\0\0") is None
    assert container_of(b"RIFF\0\0\0\0WEBPVP8 ") is None
