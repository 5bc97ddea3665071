"""Files that are no images, or only pretend to be whole: each is refused by an error of its own."""

import contextlib
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.media.decoding import decode
from api.media.errors import (
    DamagedImageError,
    EmptyFileError,
    FileTooLargeError,
    MediaError,
    MissingFileError,
    NotAnImageError,
    TooManyPixelsError,
    TooTallError,
    UnreadableFileError,
    UnsupportedFormatError,
    WorkerDiedError,
)
from api.media.folder import FolderStorage
from api.media.images import Limits, prepare
from tests.media.drawings import a_black_png, a_file, a_picture, a_png_that_claims, encoded, turned

ACCEPTED = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF", "FITS", "MP4", "WebM")


def refusal(source: Path, limits: Limits | None = None) -> MediaError:
    """Return the error with which a file is refused, having seen that nothing of it is stored."""
    root = source.parent / "root"
    with pytest.raises(MediaError) as caught:
        prepare(source, FolderStorage(root), limits or Limits())
    assert not root.exists()
    return caught.value


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    error = refusal(tmp_path / "M51.png")

    assert isinstance(error, MissingFileError)
    assert str(error) == ("M51.png: there is no such file; check the spelling, capital letters too, or copy the file.")


def test_a_file_below_a_file_is_missing(tmp_path: Path) -> None:
    assert isinstance(refusal(a_file(tmp_path, "a.png") / "b.png"), MissingFileError)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.png"
    folder.mkdir()

    assert isinstance(refusal(folder), UnreadableFileError)


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)

    assert isinstance(refusal(pipe), UnreadableFileError)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(a_file(tmp_path, content=b"")), EmptyFileError)


def test_a_file_that_is_too_large_is_refused_with_both_sizes(tmp_path: Path) -> None:
    error = refusal(a_file(tmp_path, content=bytes(1001)), Limits(file_bytes=1000))

    assert isinstance(error, FileTooLargeError)
    assert str(error) == "picture.png: the file has 1,001 bytes; at most 1,000 are accepted."


def test_text_that_is_named_png_is_not_an_image(tmp_path: Path) -> None:
    error = refusal(a_file(tmp_path, "galaxy.png", b"<html>404 Not Found</html>"))

    assert isinstance(error, NotAnImageError)
    assert error.accepted == ACCEPTED


@pytest.mark.parametrize(
    ("beginning", "found"),
    [
        (b"BM\x36\x00\x00\x00", "BMP"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"<?xml version='1.0'?><svg/>", "SVG or other XML"),
        (b"\x1f\x8b\x08\x00", "A file packed with gzip"),
    ],
)
def test_a_format_that_is_not_accepted_is_named(tmp_path: Path, beginning: bytes, found: str) -> None:
    error = refusal(a_file(tmp_path, content=beginning.ljust(2000)))

    assert isinstance(error, UnsupportedFormatError)
    assert (error.found, error.accepted) == (found, ACCEPTED)


def test_a_tiff_of_16_bits_is_refused_as_nothing_says_what_is_white(tmp_path: Path) -> None:
    error = refusal(a_file(tmp_path, content=encoded(Image.new("I;16", (8, 8), 900), "TIFF")))

    assert isinstance(error, UnsupportedFormatError)
    assert error.found == "A TIFF with 16 bits a sample"


WHOLE = {
    "PNG": encoded(a_picture(), "PNG"),
    "interlaced GIF": encoded(a_picture().convert("P"), "GIF"),
    "JPEG": encoded(a_picture(), "JPEG"),
    "progressive JPEG": encoded(a_picture(), "JPEG", progressive=True),
    "CMYK JPEG": encoded(a_picture().convert("CMYK"), "JPEG"),
    "WebP": encoded(a_picture(), "WEBP"),
    "lossless WebP": encoded(a_picture(), "WEBP", lossless=True),
    "TIFF": encoded(a_picture(), "TIFF"),
    "packed TIFF": encoded(a_picture(), "TIFF", compression="tiff_lzw"),
    "AVIF": encoded(a_picture(), "AVIF"),
}


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", WHOLE)
def test_an_image_that_was_not_copied_to_its_end_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    content = WHOLE[kind]

    error = refusal(a_file(tmp_path, content=content[: int(len(content) * share)]))

    assert isinstance(error, DamagedImageError)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "progressive JPEG", "WebP", "lossless WebP", "packed TIFF", "AVIF"])
def test_an_image_whose_second_half_is_still_zeros_is_refused(tmp_path: Path, kind: str) -> None:
    content = WHOLE[kind]
    half = len(content) // 2

    error = refusal(a_file(tmp_path, content=content[:half] + bytes(len(content) - half)))

    assert isinstance(error, DamagedImageError)


def test_a_png_without_its_last_chunk_is_unfinished(tmp_path: Path) -> None:
    assert isinstance(refusal(a_file(tmp_path, content=WHOLE["PNG"][:-12])), DamagedImageError)


def test_a_png_with_one_flipped_bit_is_damaged(tmp_path: Path) -> None:
    content = bytearray(WHOLE["PNG"])
    content[len(content) // 2] ^= 1

    assert isinstance(refusal(a_file(tmp_path, content=bytes(content))), DamagedImageError)


@pytest.mark.parametrize("kind", WHOLE)
def test_whatever_bytes_are_broken_the_answer_is_an_image_or_an_error_of_ours(kind: str) -> None:
    dice = np.random.default_rng(1)
    for _ in range(100):
        content = np.frombuffer(WHOLE[kind], dtype=np.uint8).copy()
        reach = min(len(content), dice.choice([64, 700, len(content)]))
        content[dice.integers(reach, size=dice.integers(1, 12))] = dice.integers(256)

        with contextlib.suppress(MediaError):
            assert decode(content.tobytes(), Path("broken"), pixel_limit=5_000_000, wanted_width=200).width > 0


def test_900_megapixels_are_refused_by_the_header_alone(tmp_path: Path) -> None:
    error = refusal(a_file(tmp_path, content=a_png_that_claims(30_000, 30_000)))

    assert isinstance(error, TooManyPixelsError)
    assert str(error) == (
        "picture.png: the image has 30000 x 30000 = 900,000,000 pixels; at most 100,000,000 are accepted."
    )


def test_a_bomb_of_900_megapixels_in_100_kilobytes_is_refused_within_a_moment(tmp_path: Path) -> None:
    source = a_file(tmp_path, content=a_black_png(30_000, 30_000))
    begun = time.perf_counter()

    error = refusal(source)

    assert source.stat().st_size < 200_000
    assert isinstance(error, TooManyPixelsError)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "AVIF"])
def test_one_pixel_over_the_limit_is_refused_in_every_format(tmp_path: Path, kind: str) -> None:
    source = a_file(tmp_path, content=encoded(a_picture(100, 100), kind))

    error = refusal(source, Limits(pixels=9_999))

    assert isinstance(error, TooManyPixelsError)
    assert (error.width, error.height, error.limit) == (100, 100, 9_999)
    assert prepare(source, FolderStorage(tmp_path), Limits(pixels=10_000)).width == 100


def test_a_webp_that_declares_more_than_webp_can_hold_is_damaged(tmp_path: Path) -> None:
    content = bytearray(encoded(a_picture(), "WEBP", save_all=True, append_images=[a_picture(seed=1)]))
    content[24:30] = b"\xff" * 6

    assert isinstance(refusal(a_file(tmp_path, content=bytes(content))), DamagedImageError)


def test_an_image_too_tall_for_any_width_is_refused(tmp_path: Path) -> None:
    error = refusal(a_file(tmp_path, content=encoded(Image.new("L", (100, 17_000)), "PNG")))

    assert isinstance(error, TooTallError)
    assert str(error) == (
        "picture.png: the image is 100 pixels wide and 17000 tall; "
        "cut it into pieces, at most 51 times as tall as wide."
    )


def test_an_image_that_is_too_tall_only_on_its_side_is_served_upright(tmp_path: Path) -> None:
    source = a_file(tmp_path, content=turned(Image.new("L", (100, 17_000)), "PNG", orientation=6))

    assert [variant.height for variant in prepare(source, FolderStorage(tmp_path)).variants] == [2, 4, 6, 9]


def test_errors_come_out_of_a_worker_as_they_went_in() -> None:
    errors = [
        TooManyPixelsError(Path("a.png"), 3, 4, limit=11),
        UnsupportedFormatError(Path("b.bmp"), "BMP", ACCEPTED),
        WorkerDiedError(Path("c.png"), limit_seconds=60),
    ]

    copies = pickle.loads(pickle.dumps(errors))

    assert [(type(copy), str(copy), vars(copy)) for copy in copies] == [
        (type(error), str(error), vars(error)) for error in errors
    ]
