"""What a manifest says, and what is said of one that is wrong."""

import tracemalloc
from pathlib import Path

import pytest

from api.manifest import (
    BadHeaderError,
    BadRow,
    Location,
    Manifest,
    ManifestError,
    ManifestRow,
    NotUtf8Error,
    UnreadableManifestError,
    read,
)
from cascade.vocabulary import Answer


def a_manifest(folder: Path, text: str | bytes, root: Path | None = None) -> Manifest:
    path = folder / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, root)


def rows(folder: Path, text: str | bytes, root: Path | None = None) -> list[ManifestRow | BadRow]:
    return list(a_manifest(folder, text, root).rows())


def a_row(folder: Path, line: int, external_id: str, location: str = "a.png") -> ManifestRow:
    return ManifestRow(line, external_id, (Location((folder / location,)),), {}, {}, {}, {})


def told(folder: Path, text: str | bytes) -> str:
    """Return what is said of a manifest whose header is wrong."""
    with pytest.raises(ManifestError) as caught:
        a_manifest(folder, text)
    return str(caught.value)


def only_complaint(folder: Path, header: str, row: str) -> str:
    [bad] = rows(folder, f"{header}\n{row}\n")
    assert isinstance(bad, BadRow)
    return str(bad)


# What is read


def test_every_kind_of_column_is_read(tmp_path: Path) -> None:
    [row] = rows(
        tmp_path,
        "external_id,location:2,location:1,metadata:ra,metadata:#origin,gold:arc,explanation:arc,score:lens-cnn\n"
        "ASW1,i/2.png,i/1.png,30.34,survey,Yes,A ring.,0.25\n",
    )

    assert row == ManifestRow(
        line=2,
        external_id="ASW1",
        locations=(Location((tmp_path / "i/1.png",)), Location((tmp_path / "i/2.png",))),
        metadata={"ra": "30.34", "#origin": "survey"},
        gold={"arc": Answer.YES},
        explanations={"arc": "A ring."},
        scores={"lens-cnn": 0.25},
    )


def test_the_columns_say_what_there_is_before_any_row_is_read(tmp_path: Path) -> None:
    columns = a_manifest(tmp_path, "location,gold:arc,external_id,score:cnn,gold:ring\n").columns

    assert (columns.external_id, columns.locations) == (2, (0,))
    assert (columns.gold, columns.scores) == ({"arc": 1, "ring": 4}, {"cnn": 3})


def test_empty_cells_say_nothing(tmp_path: Path) -> None:
    header = "external_id,location:1,location:2,metadata:ra,gold:arc,explanation:arc,score:cnn"

    assert rows(tmp_path, f"{header}\nA,a.png,,, ,,\n") == [a_row(tmp_path, 2, "A")]


@pytest.mark.parametrize("key", ["#secret", "//secret", "!secret", "with:colon", "Größe"])
def test_metadata_keys_are_kept_as_they_are(tmp_path: Path, key: str) -> None:
    [row] = rows(tmp_path, f"external_id,location,metadata:{key}\nA,a.png, 1 \n")

    assert isinstance(row, ManifestRow)
    assert row.metadata == {key: " 1 "}


@pytest.mark.parametrize(
    ("word", "score"),
    [("0", 0.0), ("1", 1.0), (" .5 ", 0.5), ("1.", 1.0), ("2.5e-3", 0.0025), ("+0.1", 0.1), ("-0", 0.0)],
)
def test_a_score_is_a_decimal_number_from_0_to_1(tmp_path: Path, word: str, score: float) -> None:
    [row] = rows(tmp_path, f"external_id,location,score:cnn\nA,a.png,{word}\n")

    assert isinstance(row, ManifestRow)
    assert repr(row.scores["cnn"]) == repr(score)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert rows(tmp_path, b"\xef\xbb\xbfexternal_id,location\r\n\xc3\x84,a.png\r\n") == [a_row(tmp_path, 2, "Ä")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_seen_and_said(tmp_path: Path, delimiter: str) -> None:
    text = "external_id,location,metadata:note\nA,a.png,\n".replace(",", delimiter)

    manifest = a_manifest(tmp_path, text)

    assert manifest.delimiter == delimiter
    assert list(manifest.rows()) == [a_row(tmp_path, 2, "A")]


def test_lines_are_those_of_the_file_whatever_the_cells_hold(tmp_path: Path) -> None:
    text = '\r\nexternal_id,location,metadata:note\r\nA,a.png,"one\r\ntwo, ""three"""\r\n,,\r\n\r\n,b.png,\r\nC,a.png,'

    found = rows(tmp_path, text)

    assert [row.line for row in found] == [3, 7, 8]
    assert isinstance(found[0], ManifestRow)
    assert found[0].metadata == {"note": 'one\r\ntwo, "three"'}


def test_empty_columns_at_the_end_are_a_spreadsheets_doing(tmp_path: Path) -> None:
    assert rows(tmp_path, "external_id,location,,\nA,a.png,,\nB,a.png\n") == [
        a_row(tmp_path, 2, "A"),
        a_row(tmp_path, 3, "B"),
    ]


def test_a_manifest_without_rows_has_none(tmp_path: Path) -> None:
    assert rows(tmp_path, "external_id,location") == []


def test_rows_can_be_read_again(tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, "external_id,location\nA,a.png\nA,a.png\n")

    assert list(manifest.rows()) == list(manifest.rows())


def test_a_long_manifest_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    note = "x" * 5000
    with path.open("w") as file:
        file.write("external_id,location,metadata:note\n")
        file.writelines(f"S{number},a.png,{note}\n" for number in range(4000))
    tracemalloc.start()

    count = sum(isinstance(row, ManifestRow) for row in read(path).rows())

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4000
    assert path.stat().st_size > 20_000_000
    assert peak < 2_000_000


# Where images may lie


def test_locations_may_leave_the_manifests_folder_for_the_root_only(tmp_path: Path) -> None:
    for folder in ("campaign/lists", "campaign/images", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    text = f"external_id,location\nA,../images/a.png\nB,{tmp_path}/campaign/images/a.png\nC,../../elsewhere/a.png\n"

    without = rows(tmp_path / "campaign/lists", text)
    within = rows(tmp_path / "campaign/lists", text, root=tmp_path / "campaign")

    assert [isinstance(row, BadRow) for row in without] == [True, True, True]
    assert within == [
        a_row(tmp_path, 2, "A", "campaign/images/a.png"),
        a_row(tmp_path, 3, "B", "campaign/images/a.png"),
        BadRow(
            4,
            "location",
            "is '../../elsewhere/a.png', outside the manifest's folder",
            "move the image beside the manifest, or name a folder that holds both with --root",
        ),
    ]


def test_a_location_may_wander_as_long_as_it_comes_back(tmp_path: Path) -> None:
    assert rows(tmp_path, "external_id,location\nA,x/../a.png\n") == [a_row(tmp_path, 2, "A")]


def test_a_link_that_leads_out_of_the_folder_is_followed_and_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.png").touch()
    (inside / "a.png").symlink_to(tmp_path / "secret.png")

    assert "outside the manifest's folder" in only_complaint(inside, "external_id,location", "A,a.png")


def test_a_link_in_circles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")

    assert "is no usable path" in only_complaint(tmp_path, "external_id,location", "A,a.png/c.png")


def test_a_manifest_is_found_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest.csv").write_text("external_id,location\nA,a.png\n")
    monkeypatch.chdir(tmp_path)

    assert list(read(Path("manifest.csv")).rows()) == [a_row(tmp_path, 2, "A")]


# Rows that are skipped


ALL = "external_id,location,metadata:note,gold:arc,explanation:arc,score:cnn"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (",a.png,,,,", "line 2, external_id: is empty; give each subject a name of your own."),
        (
            '"A\nB",a.png,,,,',
            "line 2, external_id: has characters that do not print; use letters, digits and signs on one line.",
        ),
        (f"{'A' * 201},a.png,,,,", "line 2, external_id: has 201 characters; at most 200 are accepted."),
        ("A,,,,,", "line 2, location: is empty; give the path of at least one image."),
        (
            "A,FTP://example.org/a.png,,,,",
            "line 2, location: is a URL of ftp; give http or https, or a path beside the manifest.",
        ),
        (f"A,{'a' * 1001},,,,", "line 2, location: has 1,001 characters; at most 1,000 are accepted."),
        (f"A,a.png,{'a' * 10_001},,,", "line 2, metadata:note: has 10,001 characters; at most 10,000 are accepted."),
        ("A,a.png,,maybe,,", "line 2, gold:arc: is 'maybe'; write yes, no, or nothing."),
        ("A,a.png,,1,,", "line 2, gold:arc: is '1'; write yes, no, or nothing."),
        (
            "A,a.png,,,A ring.,",
            "line 2, explanation:arc: explains gold:arc, which is empty; fill in both, or empty both.",
        ),
        (
            f"A,a.png,,yes,{'a' * 2001},",
            "line 2, explanation:arc: has 2,001 characters; at most 2,000 are accepted.",
        ),
        (
            "A,a.png,,,,high",
            "line 2, score:cnn: is 'high', which is not a number; write a number from 0 to 1, or nothing.",
        ),
        ('A,a.png,,,,"0,5"', "line 2, score:cnn: is '0,5', which is not a number; write it with a point."),
        ("A,a.png,,,,1.01", "line 2, score:cnn: is '1.01'; write a number from 0 to 1, or nothing."),
        ("A,a.png,,,,1e999", "line 2, score:cnn: is '1e999'; write a number from 0 to 1, or nothing."),
        (
            "A,a.png,,,",
            "line 2, the row has 5 cells where the header has 6; "
            'write empty cells too, and put cells that hold the delimiter in "quotes".',
        ),
        (
            "A,a.png,,,,0.5,x",
            "line 2, the row has 7 cells where the header has 6; "
            'write empty cells too, and put cells that hold the delimiter in "quotes".',
        ),
        (
            "A,a.png,a\0b,,,",
            "line 2, metadata:note: has a NUL character; remove it, or save the file as CSV in UTF-8 again.",
        ),
        (
            'A,a.png,"a" b,,,',
            "line 2, the row is no CSV (',' expected after '\"'); close every quote, and double quotes within: \"\".",
        ),
    ],
)
def test_a_bad_row_is_told_with_its_line_its_column_and_what_would_be_right(
    tmp_path: Path, row: str, complaint: str
) -> None:
    assert only_complaint(tmp_path, ALL, row) == complaint


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1_0", "0x1", "\u0660.\u0665", "-0.1", "0.5 0.5"])
def test_what_is_no_plain_number_from_0_to_1_is_no_score(tmp_path: Path, word: str) -> None:
    assert only_complaint(tmp_path, "external_id,location,score:cnn", f"A,a.png,{word}").startswith(
        f"line 2, score:cnn: is {word!r}"
    )


def test_a_bad_row_costs_only_itself(tmp_path: Path) -> None:
    found = rows(tmp_path, "external_id,location\nA,a.png\nB\nC,ftp://x/c.png\n,d.png\nE,a.png\n")

    assert [type(row) for row in found] == [ManifestRow, BadRow, BadRow, BadRow, ManifestRow]
    assert [row.line for row in found] == [2, 3, 4, 5, 6]


def test_an_external_id_stands_once_even_if_its_first_row_is_bad(tmp_path: Path) -> None:
    found = rows(tmp_path, "external_id,location\nA,\nB,a.png\n A ,a.png\nB,a.png\n")

    assert found[1] == a_row(tmp_path, 3, "B")
    assert [str(found[2]), str(found[3])] == [
        "line 4, external_id: is 'A', as on line 2; give each subject one row and a name of its own.",
        "line 5, external_id: is 'B', as on line 3; give each subject one row and a name of its own.",
    ]


def test_a_cell_in_another_encoding_costs_only_its_row(tmp_path: Path) -> None:
    found = rows(tmp_path, "external_id,location,metadata:note\nA,a.png,Größe\nB,a.png,\n".encode("latin-1"))

    assert str(found[0]) == "line 2, metadata:note: is not UTF-8; save the file as CSV in UTF-8."
    assert found[1] == a_row(tmp_path, 3, "B")


def test_a_quote_that_is_never_closed_is_told_with_what_it_swallows(tmp_path: Path) -> None:
    found = rows(tmp_path, 'external_id,location,metadata:note\nA,a.png,\nB,a.png,"oh\nC,a.png,\nD,a.png,\n')

    assert found[0] == a_row(tmp_path, 2, "A")
    assert [str(row) for row in found[1:]] == [
        "line 3, the row runs on to line 5 and is no CSV (unexpected end of data); "
        'close every quote, and double quotes within: "".'
    ]


def test_after_a_cell_without_end_the_next_line_is_read_as_a_row(tmp_path: Path) -> None:
    found = rows(tmp_path, f'external_id,location,metadata:note\nA,a.png,"{"x" * 140_000}"\nB,a.png,\n')

    assert isinstance(found[0], BadRow)
    assert found[1:] == [a_row(tmp_path, 3, "B")]


def test_long_values_are_not_repeated_in_full(tmp_path: Path) -> None:
    assert len(only_complaint(tmp_path, "external_id,location,gold:arc", f"A,a.png,{'x' * 5000}")) < 200


# Files of which no row can be read


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused_by_name(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(NotUtf8Error) as caught:
        a_manifest(tmp_path, "external_id,location\nA,a.png\n".encode(encoding))

    assert caught.value.found in {"UTF-16", "UTF-32"}
    assert str(caught.value).endswith("save it as CSV in UTF-8.")


def test_a_spreadsheet_is_refused_by_name(tmp_path: Path) -> None:
    assert told(tmp_path, b"PK\x03\x04rest of it") == (
        "manifest.csv: The manifest is a spreadsheet or a ZIP archive; save it as CSV in UTF-8."
    )


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableManifestError, match="No such file"):
        read(tmp_path / "manifest.csv")


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff"])
def test_an_empty_manifest_is_told_what_it_lacks(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text) == (
        "manifest.csv: line 1, the header has no column external_id; add one with your own name for each subject.\n"
        "line 1, the header has no column location:1; add one with the path of each subject's image."
    )


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("external_id,location,location", "column 3 (location) is there already as column 2; give each column once."),
        (
            "external_id,location:1,location",
            "column 3 (location) says the same as location:1; give each",
        ),
        ("external_id,,location", "column 2 has no name; use external_id, location:1"),
        ("external_id,location,z", "column 3 (z) is not a column of a manifest; call it metadata:z to keep it"),
        ("external_id,location,ra", "column 3 (ra) stands without dec; a position needs ra and dec."),
        ("external_id,location,RAJ2000", "do you mean ra? Or call it metadata:RAJ2000 to keep it as it is."),
        ("external_id,location,cutout", "column 3 (cutout) stands without ra; a position needs ra and dec."),
        ("external_id,location:0", "column 2 (location:0) is not a column of a manifest"),
        ("External ID,location", "column 1 (External ID) is not a column of a manifest; do you mean external_id?"),
        ("external_id,location,meta:a", "column 3 (meta:a) is not a column of a manifest; do you mean metadata:a?"),
        ("external_id,location,gold:", "column 3 (gold:) is not a column of a manifest; write a name behind gold:."),
        ("external_id,location,metadata:a,metadata: a", "differs from another metadata:a by spaces only; rename one."),
        (
            "external_id,location,explanation:arc",
            "column 3 (explanation:arc) explains a column gold:arc that is not there; add gold:arc",
        ),
        (f"external_id,location,metadata:{'x' * 200}", "has a name of 209 characters; at most 200 are accepted."),
        ('external_id,location,"metadata:a\nb"', "has a name with characters that do not print"),
        ('external_id,"location', "the header is no CSV (unexpected end of data)"),
        (
            f"external_id,location,{','.join(f'metadata:{number}' for number in range(999))}",
            "the header has 1001 columns; at most 1000 are accepted.",
        ),
    ],
)
def test_a_wrong_header_is_told_with_its_column_and_what_would_be_right(
    tmp_path: Path, header: str, complaint: str
) -> None:
    assert complaint in told(tmp_path, f"{header}\n")


def test_everything_that_is_wrong_in_a_header_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadHeaderError) as caught:
        a_manifest(tmp_path, "\nname,redshift,redshift,gold:\n")

    assert caught.value.line == 2
    assert [(column.number, column.name) for column in caught.value.columns] == [
        (1, "name"),
        (2, "redshift"),
        (3, "redshift"),
        (4, "gold:"),
        (0, ""),
        (0, ""),
    ]
