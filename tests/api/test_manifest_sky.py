"""Positions, cutouts, bands, units and addresses in a manifest."""

from pathlib import Path

import pytest

from api.manifest import BadRow, Location, ManifestRow, read

SKY = "external_id,location,ra,dec,cutout"


def only_row(folder: Path, header: str, row: str) -> ManifestRow | BadRow:
    path = folder / "manifest.csv"
    path.write_text(f"{header}\n{row}\n")
    (found,) = read(path).rows()
    return found


def complaint(folder: Path, row: str, header: str = SKY) -> str:
    found = only_row(folder, header, row)
    assert isinstance(found, BadRow)
    return str(found)


def location(folder: Path, cell: str) -> Location:
    found = only_row(folder, "external_id,location", f"A,{cell}")
    assert isinstance(found, ManifestRow), found
    return found.locations[0]


def test_a_row_has_a_position_and_a_cutout(tmp_path: Path) -> None:
    row = only_row(tmp_path, SKY, "A,frame.fits,150.11917,-2.25,20")

    assert isinstance(row, ManifestRow)
    assert (row.position, row.cutout_arcsec) == ((150.11917, -2.25), 20.0)


def test_a_row_may_be_without_a_position_and_a_position_without_a_cutout(tmp_path: Path) -> None:
    without = only_row(tmp_path, SKY, "A,frame.fits,,,")
    whole = only_row(tmp_path, SKY, "A,frame.fits,0,90,")

    assert isinstance(without, ManifestRow)
    assert (without.position, without.cutout_arcsec) == (None, None)
    assert isinstance(whole, ManifestRow)
    assert (whole.position, whole.cutout_arcsec) == ((0.0, 90.0), None)


def test_positions_among_the_metadata_are_metadata(tmp_path: Path) -> None:
    row = only_row(tmp_path, "external_id,location,metadata:ra,metadata:dec", "A,a.png,150.1,2.2")

    assert isinstance(row, ManifestRow)
    assert (row.position, row.metadata) == (None, {"ra": "150.1", "dec": "2.2"})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("A,a.fits,150.1,,", "line 2, dec: is empty, but ra is not; fill in both, or empty both."),
        ("A,a.fits,,2.2,", "line 2, ra: is empty, but dec is not; fill in both, or empty both."),
        ("A,a.fits,360,2.2,", "line 2, ra: is '360'; write degrees from 0 to 360, which would be 0."),
        ("A,a.fits,-10,2.2,", "line 2, ra: is '-10'; write degrees from 0 to 360, which would be 350."),
        ("A,a.fits,1,90.1,", "line 2, dec: is '90.1'; write degrees from -90 to 90."),
        ("A,a.fits,nan,1,", "line 2, ra: is 'nan', which is not a number; write degrees (ICRS)"),
        ("A,a.fits,10:00:28.6,2,", "line 2, ra: is '10:00:28.6', which is sexagesimal; write degrees: 150.119167."),
        ("A,a.fits,10h00m28.6s,2,", "which is sexagesimal; write degrees: 150.119167."),
        ("A,a.fits,150d07m09s,2,", "which is sexagesimal; write degrees: 150.119167."),
        ("A,a.fits,150,-00 30 36,", "line 2, dec: is '-00 30 36', which is sexagesimal; write degrees: -0.510000."),
        ("A,a.fits,,,20", "line 2, cutout: has no centre; fill in ra and dec too, or empty it."),
        ("A,a.fits,1,1,0", "line 2, cutout: is '0'; write arcseconds, more than 0 to 36,000."),
        ("A,a.fits,1,1,20px", "line 2, cutout: is '20px', which is not a number; write arcseconds"),
    ],
)
def test_a_bad_position_is_told_with_what_it_would_be(tmp_path: Path, row: str, words: str) -> None:
    assert words in complaint(tmp_path, row)


def test_a_location_names_a_unit_or_three_bands_or_an_address(tmp_path: Path) -> None:
    frame, bands = tmp_path / "f.fits", tuple(tmp_path / f"{band}.fits" for band in "irg")
    url = "https://example.org/a%20b.fits?x=1"

    assert location(tmp_path, "f.fits") == Location((frame,))
    assert location(tmp_path, "f.fits[2]") == Location((frame,), 2)
    assert location(tmp_path, "i.fits + r.fits + g.fits") == Location(bands)
    assert location(tmp_path, "i.fits[1] + r.fits[1] + g.fits[1]") == Location(bands, 1)
    assert location(tmp_path, url) == Location((url,))
    assert location(tmp_path, f"{url}[1]") == Location((url,), 1)
    assert location(tmp_path, "i.fits[1] + r.fits[1] + g.fits[1]").text == "i.fits[1] + r.fits[1] + g.fits[1]"


def test_a_file_that_is_there_is_meant_whatever_its_name_looks_like(tmp_path: Path) -> None:
    for name in ("a + b.png", "a[1].png", "b.fits[2]"):
        (tmp_path / name).touch()

        assert location(tmp_path, name) == Location((tmp_path / name,))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("a.fits + b.fits", "which is 2 bands; give three FITS frames as red + green + blue, or one."),
        ("a.fits[1] + b.fits + c.fits", "which names different units; give all bands the same [HDU]."),
        ("a.fits + b.fits + ../c.fits", "outside the manifest's folder"),
        ("file:///etc/passwd", "is a URL of file; give http or https"),
        ("http://", "which is no URL"),
        ("http://example.org:port/a.png", "which is no URL"),
        ("http://example.org/a b.png", "with spaces as %20"),
        ("https://user:secret@example.org/a.png", "is a URL with a user's name or password"),
        (f"http://example.org/{'a' * 2000}", "at most 2,000 are accepted."),
    ],
)
def test_a_location_that_names_nothing_is_told(tmp_path: Path, cell: str, words: str) -> None:
    assert words in complaint(tmp_path, f"A,{cell}", "external_id,location")
