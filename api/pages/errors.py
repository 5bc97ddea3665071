"""What can be wrong with pages: each thing with its file and line, and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PageProblem:
    """One thing that is wrong. `line` counts from 1, and is 0 where the file as a whole is meant."""

    file: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.problem}; {self.remedy}"


class PagesError(Exception):
    """All that is wrong with the pages of a folder, by file and line. Nothing was stored."""

    def __init__(self, problems: Iterable[PageProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))
