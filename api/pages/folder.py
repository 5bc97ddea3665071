"""A folder of pages: its files, read within limits, and where its pictures lie."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from api.pages.checking import Reference, check
from api.pages.errors import PageProblem
from api.pages.names import NAMES, PageName

LIMIT_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page as it was read. `pictures` are the files by the paths that name them; `references` are their lines."""

    name: PageName
    text: str
    workflows: tuple[Reference, ...]
    pictures: dict[str, Path]
    references: dict[str, int]


@dataclass(slots=True)
class PageFolder:
    """The pages of a folder, and all that is wrong with them."""

    pages: list[PageFile] = field(default_factory=list)
    problems: list[PageProblem] = field(default_factory=list)


def read_folder(folder: Path) -> PageFolder:
    """Read the pages of a folder and check them. Pictures are found, and not opened."""
    found = PageFolder()
    if not folder.is_dir():
        found.problems.append(PageProblem(str(folder), 0, "there is no such folder", f"give one with {NAMES}"))
        return found
    found.problems += _unknown(folder)
    for name in PageName:
        if (folder / name.file).exists():
            _read(folder, name, found)
    if not found.pages and not found.problems:
        found.problems.append(PageProblem(str(folder), 0, "it holds no page", f"write one of {NAMES}"))
    return found


def _unknown(folder: Path) -> Iterator[PageProblem]:
    known = [name.file for name in PageName]
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".md" and path.name not in known:
            close = difflib.get_close_matches(path.name.lower(), known, 1)
            remedy = f"did you mean {close[0]}?" if close else f"pages are {NAMES}; move it elsewhere"
            yield PageProblem(path.name, 0, "is not a page", remedy)


def _read(folder: Path, name: PageName, found: PageFolder) -> None:
    try:
        text = _text(folder, name.file)
    except _UnreadableError as error:
        found.problems.append(error.problem)
        return
    checked = check(name, text)
    found.problems += checked.problems
    lines = {each.name: each.line for each in reversed(checked.pictures)}
    inside = {path: (folder / path).resolve() for path in lines if _lies_in(folder, folder / path)}
    for path in lines.keys() - inside.keys():
        remedy = "copy it into the folder, and name it by its path there"
        found.problems.append(
            PageProblem(name.file, lines[path], f"the picture {path} lies outside the folder", remedy)
        )
    found.pages.append(PageFile(name, text, tuple(checked.workflows), inside, lines))


class _UnreadableError(Exception):
    def __init__(self, file: str, problem: str, remedy: str, line: int = 0) -> None:
        super().__init__(file, problem, remedy)
        self.problem = PageProblem(file, line, problem, remedy)


def _text(folder: Path, file: str) -> str:
    path = folder / file
    if not _lies_in(folder, path):
        raise _UnreadableError(file, "is a link to a file outside the folder", "put the file itself there")
    try:
        with path.open("rb") as opened:
            content = opened.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise _UnreadableError(file, f"cannot be read ({error.strerror})", "give a file that you may read") from error
    if len(content) > LIMIT_BYTES:
        raise _UnreadableError(file, f"has more than {LIMIT_BYTES:,} bytes", "shorten it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _UnreadableError(file, "is not UTF-8 text", "save the file as UTF-8", line) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise _UnreadableError(file, "holds the character U+0000", "write text only", line)
    return text


def _lies_in(folder: Path, file: Path) -> bool:
    """Tell whether a file lies in a folder, links followed; one that is not there does if its path does."""
    try:
        return file.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
