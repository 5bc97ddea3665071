"""Pictures of FITS frames, and what is said of those that are refused."""

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from api.media.choosing import decode_wanted
from api.media.decoding import Decoded
from api.media.errors import (
    BandsDifferError,
    BlankFrameError,
    DamagedFitsError,
    FitsCubeError,
    MediaError,
    NoImageInFitsError,
    NoSuchHduError,
    NotFitsError,
    TooManyPixelsError,
    TruncatedFitsError,
    UnpackedTooLargeError,
    UnsupportedFormatError,
    WrongHduError,
)
from api.media.wanted import Cutout, Wanted, plain
from tests.media.drawings import a_picture, encoded
from tests.media.frames import TAN, a_file, a_frame, grey, shown, sky

FRAMES = Path(__file__).parents[2] / "../shared/data/fits"


def complaint(kind: type[MediaError], *contents: bytes, **asked: Any) -> str:
    with pytest.raises(kind) as caught:
        shown(*contents, **asked)
    assert type(caught.value) is kind
    return str(caught.value)


# What is seen


def test_the_first_row_of_a_frame_lies_at_the_bottom() -> None:
    frame = np.tile(np.linspace(0, 1, 50, dtype=np.float32)[:, None], (1, 40))

    picture = np.asarray(shown(a_frame(frame)).pixels.convert("L"))

    assert picture.shape == (50, 40)
    assert picture[0].mean() > 200
    assert picture[-1].mean() < 50


def test_pixels_without_a_value_are_black_and_change_no_other() -> None:
    frame = sky()
    frame[:2] = 130
    holed = frame.copy()
    holed[40:45, 10:20], holed[50, 50] = np.nan, np.inf
    hole = ~np.isfinite(holed)

    picture, whole = grey(shown(a_frame(holed))), grey(shown(a_frame(frame)))

    assert (picture[hole] == 0).all()
    assert np.abs(picture - whole)[~hole].max() < 6
    assert 40 < np.median(picture[~hole]) < 200


def test_a_frame_of_one_value_is_black_and_says_so() -> None:
    decoded = shown(a_frame(np.full((5, 6), 7, np.int16)))

    assert np.asarray(decoded.pixels).max() == 0
    assert decoded.note == "has no WCS; has one value everywhere: black"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_frame_may_be_packed(pack: Any) -> None:
    packed, bare = shown(pack(a_frame(sky(), TAN))), shown(a_frame(sky(), TAN))

    assert (packed.width, packed.height, packed.mime, packed.sky) == (80, 60, "image/fits", bare.sky)
    assert packed.pixels.tobytes() == bare.pixels.tobytes()


def test_an_image_may_lie_compressed_in_a_table() -> None:
    unit = fits.CompImageHDU(sky(), fits.Header(dict(TAN)), compression_type="RICE_1")

    decoded = shown(a_file(fits.PrimaryHDU(), unit))

    assert (decoded.width, decoded.height) == (80, 60)
    assert decoded.sky == shown(a_frame(sky(), TAN)).sky


def test_the_first_unit_with_an_image_is_shown_unless_another_is_named() -> None:
    units = fits.PrimaryHDU(), fits.ImageHDU(sky()), fits.ImageHDU(sky(shape=(20, 30)))

    assert shown(a_file(*units)).width == 80
    assert shown(a_file(*units), hdu=2).width == 30


def test_axes_of_length_one_do_not_make_a_cube() -> None:
    radio = {**TAN, "CTYPE3": "FREQ", "CTYPE4": "STOKES", "CRVAL3": 1.4e9, "CRVAL4": 1.0}

    decoded = shown(a_frame(sky()[None, None], radio))

    assert (decoded.width, decoded.height, decoded.sky) == (80, 60, shown(a_frame(sky(), TAN)).sky)


def test_three_bands_make_colours_red_first() -> None:
    bands = [sky(seed) for seed in range(3)]
    for band, column in zip(bands, (10, 40, 70), strict=True):
        band[28:32, column - 2 : column + 2] += 500

    pixels = np.asarray(shown(*(a_frame(band) for band in bands)).pixels)[::-1]

    assert [int(pixels[30, column].argmax()) for column in (10, 40, 70)] == [0, 1, 2]
    assert pixels[30, 10, 0] > 150 > pixels[30, 10, 2]


def test_a_cube_that_names_its_bands_has_the_reddest_as_red() -> None:
    cube = np.stack([sky(seed) for seed in range(3)])
    cube[2, 28:32, 38:42] += 500
    cards = {"BANDS": "grz", "BAND0": "g", "BAND1": "r", "BAND2": "z"}

    pixels = np.asarray(shown(a_frame(cube, cards)).pixels)[::-1]

    assert int(pixels[30, 40].argmax()) == 0


def test_a_wide_frame_is_made_smaller_and_remembers_its_size() -> None:
    decoded = shown(a_frame(sky(shape=(30, 8000))))

    assert (decoded.width, decoded.height) == (8000, 30)
    assert decoded.pixels.size == (4000, 15)


@pytest.mark.parametrize("path", sorted(FRAMES.glob("*")), ids=lambda path: path.name)
def test_every_real_frame_shows_sky_and_sources(path: Path) -> None:
    decoded = decode_wanted(plain(path), [path.read_bytes()], pixel_limit=PIXELS, wanted_width=1600)
    brightness = np.asarray(decoded.pixels.convert("L"))

    assert 5 < np.median(brightness) < 180
    assert np.percentile(brightness, 99.9) > 150


PIXELS = 100_000_000


# What is refused


def test_a_truncated_frame_is_told_by_what_is_missing() -> None:
    words = complaint(TruncatedFitsError, a_frame(sky())[:9000])

    assert words == (
        "a.fits: its header promises 19,200 bytes of data, but 6,120 are there; "
        "copy it again, or make a header that fits the data."
    )


def test_a_header_that_claims_gigabytes_is_found_out_before_any_is_taken() -> None:
    frame = a_frame(sky()).replace(b"NAXIS1  =                   80", b"NAXIS1  =             50000000")

    assert "promises 12,000,000,000 bytes of data, but 20,160 are there" in complaint(TruncatedFitsError, frame)


def test_a_compressed_image_that_claims_gigabytes_is_refused_by_its_pixels() -> None:
    frame = a_file(fits.PrimaryHDU(), fits.CompImageHDU(sky()))
    lying = frame.replace(b"ZNAXIS1 =                   80", b"ZNAXIS1 =             50000000")

    assert "50000000 x 60 = 3,000,000,000 pixels" in complaint(TooManyPixelsError, lying)


def test_a_frame_of_too_many_pixels_is_refused() -> None:
    assert "at most 4,000 are accepted" in complaint(TooManyPixelsError, a_frame(sky()), pixel_limit=4_000)


def test_what_unpacks_without_end_is_not_unpacked() -> None:
    bomb = gzip.compress(a_frame(sky()) + bytes(20_000_000))

    assert "holds more than 4,000,000 bytes" in complaint(UnpackedTooLargeError, bomb)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda frame: frame[:400], "the header of unit 0 is cut off"),
        (lambda frame: frame[:1440].ljust(2880) * 2001, "the header of unit 0 has no end"),
        (lambda frame: frame.replace(b"                  -32", b"                   13"), "BITPIX of unit 0 is 13"),
        (lambda frame: frame.replace(b"NAXIS2  =                   60", b"NAXIS2  =                  'a'"), "NAXIS2"),
        (lambda frame: gzip.compress(frame)[:3000], "it cannot be unpacked"),
    ],
)
def test_a_damaged_frame_is_told_where(broken: Any, words: str) -> None:
    frame = a_frame(sky()).replace(b"END".ljust(80), b"COMMENT".ljust(80)) if "no end" in words else a_frame(sky())

    assert words in complaint(DamagedFitsError, broken(frame))


def test_flipped_bytes_never_raise_anything_but_a_media_error() -> None:
    dice = np.random.default_rng(7)
    frame = a_file(fits.PrimaryHDU(sky(shape=(20, 20)), fits.Header(dict(TAN))), fits.CompImageHDU(sky()))

    for _ in range(150):
        torn = bytearray(frame)
        for place in dice.integers(0, len(frame), 6):
            torn[place] = dice.integers(32, 127)
        for place in dice.integers(0, 1500, 2):
            torn[place] = dice.integers(32, 127)
        outcome = _outcome(bytes(torn), hdu=int(dice.integers(0, 2)))

        assert isinstance(outcome, Decoded | MediaError)


def _outcome(content: bytes, hdu: int) -> Decoded | MediaError:
    try:
        return shown(content, hdu=hdu)
    except MediaError as error:
        return error


def test_a_cube_is_told_with_its_planes_and_what_to_give_instead() -> None:
    words = "give one plane as a frame of its own, or three bands as red.fits + green.fits + blue.fits."

    assert complaint(FitsCubeError, a_frame(np.zeros((7, 5, 6)))) == (
        f"a.fits: this is a cube: 7 planes of 6 x 5 pixels; {words}"
    )
    assert "3 planes of 6 x 5 pixels, called q, r, s;" in complaint(
        FitsCubeError, a_frame(np.zeros((3, 5, 6)), {"BANDS": "qrs"})
    )


def test_a_frame_without_any_value_is_refused() -> None:
    assert complaint(BlankFrameError, a_frame(np.full((5, 6), np.nan))) == (
        "a.fits: no pixel of the frame has a value (all are NaN); leave it out, or give another."
    )


def test_a_file_without_an_image_is_told_with_what_it_has() -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])])

    assert "it has no data (unit 0), a table (unit 1)" in complaint(
        NoImageInFitsError, a_file(fits.PrimaryHDU(), table)
    )
    assert "an image of 50 (unit 0)" in complaint(NoImageInFitsError, a_frame(np.zeros(50)))


def test_a_unit_that_is_not_there_or_holds_no_image_is_told() -> None:
    frame = a_file(fits.PrimaryHDU(), fits.ImageHDU(sky()))

    assert "there is no unit 2; the file has units 0 to 1" in complaint(NoSuchHduError, frame, hdu=2)
    assert "unit 0 holds no data" in complaint(WrongHduError, frame, hdu=0)


def test_what_only_fits_can_give_is_not_asked_of_a_photo() -> None:
    photo = encoded(a_picture(), "PNG")

    assert "no cutout can be made of it" in complaint(NotFitsError, photo, cutout=Cutout(1, 2, 3))
    assert "has no unit 1" in complaint(NotFitsError, photo, hdu=1)
    assert "b.fits: this is no FITS file" in complaint(NotFitsError, a_frame(sky()), photo, a_frame(sky()))


def test_bands_of_different_sizes_need_a_wcs() -> None:
    frames = a_frame(sky()), a_frame(sky(shape=(50, 80))), a_frame(sky())

    assert "(80 x 60 and 80 x 50 pixels)" in complaint(BandsDifferError, *frames)


def test_what_is_packed_and_not_fits_is_refused_as_before() -> None:
    with pytest.raises(UnsupportedFormatError, match="packed with gzip"):
        decode_wanted(Wanted((Path("a.gz"),)), [gzip.compress(b"text")], pixel_limit=100, wanted_width=100)
