"""What becomes of colours, transparency, orientation and animation."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from api.media.decoding import Decoded, decode
from tests.media.drawings import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    a_picture,
    encoded,
    turned,
    with_corners,
)


def decoded(content: bytes, wanted_width: int = 1600) -> Decoded:
    return decode(content, Path("picture"), pixel_limit=50_000_000, wanted_width=wanted_width)


def colour(image: Image.Image, x: int = 0, y: int = 0) -> tuple[int, ...]:
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel


def near(found: tuple[int, ...], expected: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(one - other) <= by for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("AVIF", "image/avif"),
    ],
)
def test_a_file_is_known_by_its_bytes(kind: str, mime: str) -> None:
    found = decoded(encoded(Image.new("RGB", (40, 30), RED), kind))

    assert (found.mime, found.width, found.height, found.pixels.mode) == (mime, 40, 30, "RGB")
    assert near(colour(found.pixels), RED)


def test_a_jpeg_that_carries_a_second_picture_is_a_jpeg() -> None:
    content = encoded(Image.new("RGB", (40, 30), RED), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])

    assert (decoded(content).mime, decoded(content).width) == ("image/jpeg", 40)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_is_shown_upright(kind: str, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what a camera did that asks for this orientation
    upright = with_corners(RED, GREEN)
    as_stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright

    found = decoded(turned(as_stored, kind, orientation))

    assert (found.width, found.height) == found.pixels.size == (64, 32)
    assert near(colour(found.pixels, 4, 4), RED, by=40)
    assert near(colour(found.pixels, 59, 4), GREEN, by=40)


def test_an_orientation_that_does_not_exist_changes_nothing() -> None:
    assert decoded(turned(with_corners(RED, GREEN), "PNG", orientation=9)).pixels.size == (64, 32)


def test_broken_metadata_does_not_cost_the_image() -> None:
    content = encoded(with_corners(RED, GREEN), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x01\x02")

    assert decoded(content).pixels.size == (64, 32)


def test_a_large_jpeg_is_decoded_at_a_fraction_and_still_says_its_size() -> None:
    found = decoded(encoded(a_picture(800, 600), "JPEG"), wanted_width=100)

    assert (found.width, found.height) == (800, 600)
    assert found.pixels.size == (200, 150)


def test_a_large_jpeg_on_its_side_keeps_the_width_that_is_wanted() -> None:
    found = decoded(turned(a_picture(800, 600), "JPEG", orientation=6), wanted_width=100)

    assert (found.width, found.height) == (600, 800)
    assert found.pixels.size == (300, 400)


def test_transparency_lies_over_black() -> None:
    image = Image.new("RGBA", (3, 1), (255, 255, 255, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (255, 255, 255, 128))

    found = decoded(encoded(image, "PNG")).pixels

    assert [colour(found, x) for x in range(3)] == [BLACK, RED, (128, 128, 128)]


def test_a_palette_with_a_transparent_colour_lies_over_black() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*WHITE, *BLUE])
    image.putpixel((1, 0), 1)

    found = decoded(encoded(image, "PNG", transparency=0)).pixels

    assert [colour(found, x) for x in range(2)] == [BLACK, BLUE]


def test_a_palette_with_grades_of_transparency_lies_over_black() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*WHITE, *BLUE])
    image.putpixel((1, 0), 1)

    found = decoded(encoded(image, "PNG", transparency=bytes([128, 255]))).pixels

    assert [colour(found, x) for x in range(2)] == [(128, 128, 128), BLUE]


def test_grey_of_16_bits_keeps_its_full_range() -> None:
    samples = np.array([[0, 257, 32_896, 65_535]], dtype=np.uint16)

    found = decoded(encoded(Image.fromarray(samples), "PNG")).pixels

    assert [colour(found, x) for x in range(4)] == [BLACK, (1, 1, 1), (128, 128, 128), WHITE]


def test_one_bit_a_pixel_is_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)

    found = decoded(encoded(image, "PNG")).pixels

    assert [colour(found, x) for x in range(2)] == [BLACK, WHITE]


def test_a_cmyk_jpeg_has_the_colours_of_its_print() -> None:
    found = decoded(encoded(Image.new("RGB", (16, 16), GREEN).convert("CMYK"), "JPEG"))

    assert near(colour(found.pixels), GREEN)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), paint) for paint in (RED, GREEN, BLUE)]

    found = decoded(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))

    assert near(colour(found.pixels), RED)


def test_a_colour_profile_is_turned_into_srgb() -> None:
    swapped = _profile_with_red_and_blue_swapped()

    found = decoded(encoded(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=swapped))

    assert near(colour(found.pixels), BLUE)


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200])
def test_a_broken_colour_profile_is_passed_over(profile: bytes) -> None:
    found = decoded(encoded(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=profile))

    assert colour(found.pixels) == RED


def test_a_profile_for_another_colour_space_is_passed_over() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    assert colour(decoded(encoded(Image.new("RGB", (8, 8), RED), "PNG", icc_profile=lab)).pixels) == RED


def test_pillows_own_limit_is_left_as_it_was() -> None:
    before = Image.MAX_IMAGE_PIXELS

    decoded(encoded(Image.new("RGB", (8, 8)), "PNG"))

    assert before == Image.MAX_IMAGE_PIXELS


def _profile_with_red_and_blue_swapped() -> bytes:
    """Return sRGB's profile under another name, with the tags of two of its primaries exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for one, other in ((b"rXYZ", b"-XYZ"), (b"bXYZ", b"rXYZ"), (b"-XYZ", b"bXYZ")):
        profile = profile.replace(one, other, 1)
    renamed = profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be")).replace(b"sRGB", b"test")
    assert ImageCms.ImageCmsProfile(io.BytesIO(renamed)).profile.xcolor_space.strip() == "RGB"
    return renamed
