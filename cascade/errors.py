"""What can go wrong in the engine: one base class, one class per situation, the values as attributes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class CascadeError(Exception):
    """Something that the cascade engine refuses."""


class UnknownWorkflowError(CascadeError):
    """A name that no workflow of the cascade has."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"No workflow is called {name!r}; this cascade has {', '.join(known)}.")
        self.name = name
        self.known = tuple(known)


class CyclicCascadeError(CascadeError):
    """Workflows that lead back to themselves, so that a subject might never leave the cascade."""

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(f"The cascade runs in a circle: {' -> '.join(cycle)}.")
        self.cycle = tuple(cycle)


@dataclass(frozen=True, slots=True)
class DeclarationError:
    """One thing that is wrong in a declaration.

    `path` holds the keys and list indices that lead there, `line` and `column` count from 1 (0 when the declaration did
    not come from a text), `problem` is said of the path ("is 0.7"), and `remedy` is what would be right.
    """

    path: tuple[str | int, ...]
    line: int
    column: int
    problem: str
    remedy: str

    @property
    def where(self) -> str:
        """The path as people write it, such as `workflows[0].then.yes`."""
        written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return written.removeprefix(".") or "the declaration"

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.where} {self.problem}; {self.remedy}"


class DeclarationErrors(CascadeError):  # noqa: N818 - one exception that holds every error
    """All that is wrong in one declaration, in the order of its lines."""

    def __init__(self, errors: Iterable[DeclarationError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.line, error.column)))
        super().__init__("\n".join(map(str, self.errors)))
