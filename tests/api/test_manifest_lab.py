"""Manifests of the Zooniverse's lab, and slips in ours that must not be taken for them."""

from pathlib import Path

import pytest

from api.manifest import BadHeaderError, BadRow, Location, Manifest, ManifestRow, read


def a_manifest(folder: Path, text: str) -> Manifest:
    path = folder / "manifest.csv"
    path.write_text(text)
    return read(path)


def only_row(folder: Path, text: str) -> ManifestRow:
    (row,) = a_manifest(folder, text).rows()
    assert isinstance(row, ManifestRow), row
    return row


def test_a_manifest_of_the_lab_has_files_and_metadata_as_they_stand(tmp_path: Path) -> None:
    row = only_row(
        tmp_path,
        "subject_id,image_name_1,image_name_2,Source Name,ra,#size,//note,!tile\nT1,a.png,b.png,M 51,10:00,3,n,7\n",
    )

    assert row == ManifestRow(
        2,
        "T1",
        (Location((tmp_path / "a.png",)), Location((tmp_path / "b.png",))),
        {"Source Name": "M 51", "ra": "10:00", "#size": "3", "//note": "n", "!tile": "7"},
        {},
        {},
        {},
    )


@pytest.mark.parametrize(
    "header",
    ["image", "image1", "image_1", "Image 1", "filename", "file_name", "location", "location1", "location:1", "%image"],
)
def test_columns_of_files_have_many_names(tmp_path: Path, header: str) -> None:
    row = only_row(tmp_path, f"{header},mag\na.png,20\n")

    assert (row.external_id, row.locations, row.metadata) == (
        "a.png",
        (Location((tmp_path / "a.png",)),),
        {"mag": "20"},
    )


def test_numbered_files_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    row = only_row(tmp_path, "id,image10,image2,image1\nA,j.png,b.png,a.png\n")

    assert [each.text for each in row.locations] == ["a.png", "b.png", "j.png"]


@pytest.mark.parametrize("name", ["external_id", "subject_id", "id", "#subject_id", "ID"])
def test_a_column_may_name_the_subjects(tmp_path: Path, name: str) -> None:
    assert only_row(tmp_path, f"image,{name}\na.png,T1\n").external_id == "T1"


def test_files_that_are_there_are_found_under_any_header(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    text = "object,before,mag,preview\nA,a.png,20.png,b.png\n"

    row = only_row(tmp_path, text)

    assert row.locations == (Location((tmp_path / "a.png",)),)
    assert row.metadata == {"object": "A", "mag": "20.png", "preview": "b.png"}
    assert row.external_id == "a.png"


def test_a_file_that_names_two_subjects_is_told(tmp_path: Path) -> None:
    _, second = a_manifest(tmp_path, "image,mag\na.png,20\na.png,21\n").rows()

    assert isinstance(second, BadRow)
    assert str(second) == ("line 3, image: is 'a.png', as on line 2; give each subject one row and a name of its own.")


def test_what_else_is_called_image_is_metadata(tmp_path: Path) -> None:
    row = only_row(tmp_path, "filename,image_1,image_2\nshown.png,a.png,b.png\n")

    assert [each.text for each in row.locations] == ["a.png", "b.png"]
    assert row.metadata == {"filename": "shown.png"}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("external_id,locaton", "column 2 (locaton) is not a column of a manifest; do you mean location?"),
        ("external_id,location:x,image", "column 2 (location:x) is not a column of a manifest"),
        ("exernal_id,location", "column 1 (exernal_id) is not a column of a manifest; do you mean external_id?"),
        ("external_id,image,metadata:a", "column 2 (image) is not a column of a manifest"),
        ("id,image,gold:arc", "the header has no column external_id"),
        ("external_id,location,image", "column 3 (image) is not a column of a manifest"),
        ("name,mag", "the header has no column location:1"),
        ("image,mag,mag", "column 3 (mag) is there already as column 2"),
    ],
)
def test_a_slip_in_our_own_form_is_told_as_such(tmp_path: Path, header: str, words: str) -> None:
    with pytest.raises(BadHeaderError) as caught:
        a_manifest(tmp_path, f"{header}\n")

    assert words in str(caught.value)
