"""What is wrong in a folder of pages is told by file and line, with what would be right."""

from pathlib import Path

import pytest

from api.pages import PageName, check, read_folder
from tests.media.drawings import a_file

GUIDE = PageName.GUIDE
TUTORIAL = PageName.TUTORIAL


def wrong(name: PageName, text: str) -> list[str]:
    return [str(problem) for problem in check(name, text).problems]


def problems(folder: Path, **pages: str) -> list[str]:
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
    return [str(problem) for problem in read_folder(folder).problems]


def test_a_page_without_faults_says_what_it_names() -> None:
    checked = check(GUIDE, "# Guide\n\n## Arcs {arc=yes}\n![An arc](a%20b/../arc.png)\n\n## None { arc = no }\ntext\n")

    assert checked.problems == []
    assert checked.pictures == [("arc.png", 4)]
    assert checked.workflows == [("arc", 3), ("arc", 6)]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("One\ntwo ![](arc.png)", 2, "the picture arc.png has no text for people who cannot see it; say between"),
        ("| a |\n|---|\n| b |\n| ![ ](arc.png) |", 4, "has no text for people who cannot see it"),
        ("![An arc](https://elsewhere.example/arc.png)", 1, "is elsewhere; copy the picture into the folder"),
        ("![An arc](data:image/png;base64,AAAA)", 1, "is elsewhere"),
        ("![An arc]()", 1, "a picture names no file; write ![A blue arc](images/arc.png)"),
        ("a\n\n[x](javascript:alert(1))", 3, "the link to javascript:alert(1) is not one that is taken; a link begins"),
        ("[x](guide.md)", 1, "the link to guide.md is not one that is taken"),
        ("[x](//evil.example)", 1, "is not one that is taken"),
    ],
)
def test_pictures_and_links_that_will_not_do_are_named_by_line(text: str, line: int, said: str) -> None:
    [problem] = wrong(PageName.ABOUT, text)

    assert problem.startswith(f"about.md:{line}: ")
    assert said in problem


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (GUIDE, "## Arcs {arc=maybe}\nx", "guide.md:1: {arc=maybe} says of no answer that this is an example of it; "),
        (GUIDE, "x\n\n## Arcs\nx", "guide.md:1: this belongs to no entry; begin each entry with ## and a heading"),
        (GUIDE, "# Title\n", "guide.md: it has no entry; begin each entry with a heading, such as ## What to look for"),
        (GUIDE, "## {arc=yes}\nx", "guide.md:1: the heading has no text; write ## and a few words"),
        (GUIDE, "## Arcs\n## Rings\nx", "guide.md:1: there is nothing under the heading of this entry; write"),
        (GUIDE, "## x\nx\n" * 61, "guide.md:121: there are 61 headings ##; at most 60 are taken"),
        (TUTORIAL, "## x\nx\n" * 13, "tutorial.md:25: there are 13 headings ##; at most 12 are taken"),
        (TUTORIAL, "## a ![b](c.png)\nx", "tutorial.md:1: a picture in a heading; put it on a line below"),
        (TUTORIAL, "## a\n![b](c.png)\n![d](e.png)", "tutorial.md:3: a second picture in one step; give it a step"),
        (PageName.ABOUT, " \n", "about.md: the file is empty; write something, or leave the file out"),
    ],
)
def test_parts_that_will_not_do_are_named_by_line(name: PageName, text: str, problem: str) -> None:
    [found] = wrong(name, text)

    assert found.startswith(problem)


def test_braces_in_a_tutorial_and_in_code_are_text() -> None:
    assert wrong(TUTORIAL, "## Sets {a, b}\nx") == []
    assert wrong(GUIDE, "## The set `{a, b}`\nx") == []


def test_a_file_that_is_no_page_is_named_with_what_would_be_right(tmp_path: Path) -> None:
    for name in ("Guid.md", "readme.MD", "notes.txt"):
        (tmp_path / name).write_text("x")

    assert problems(tmp_path, about="x") == [
        "Guid.md: is not a page; did you mean guide.md?",
        "readme.MD: is not a page; pages are about.md, tutorial.md, guide.md; move it elsewhere",
    ]


def test_a_folder_without_pages_and_one_that_is_not_there_are_said(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: it holds no page; write one of about.md, tutorial.md, guide.md"]
    assert "there is no such folder" in problems(tmp_path / "nowhere")[0]


def test_a_file_that_is_too_large_or_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "about.md").write_bytes(b"x" * 200_001)
    (tmp_path / "guide.md").write_bytes(b"fine\n\xff")

    assert problems(tmp_path, tutorial="## a\n\nb\0") == [
        "about.md: has more than 200,000 bytes; shorten it",
        "tutorial.md:3: holds the character U+0000; write text only",
        "guide.md:2: is not UTF-8 text; save the file as UTF-8",
    ]


@pytest.mark.parametrize(
    "path", ["../secret.png", "%2e%2e/secret.png", "a/../../secret.png", "link.png", "in/secret.png"]
)
def test_no_picture_is_taken_from_outside_the_folder(tmp_path: Path, path: str) -> None:
    secret = a_file(tmp_path, "secret.png")
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "link.png").symlink_to(secret)
    (folder / "in").symlink_to(tmp_path)

    [problem] = problems(folder, about=f"One\n![A secret]({path})")
    [absolute] = problems(folder, about=f"![A secret](<{secret}>)")

    assert problem.startswith("about.md:2: the picture ")
    assert problem.endswith("lies outside the folder; copy it into the folder, and name it by its path there")
    assert "lies outside the folder" in absolute


def test_a_page_that_is_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "about.md").symlink_to(tmp_path / "secret.txt")

    assert problems(folder) == ["about.md: is a link to a file outside the folder; put the file itself there"]
