"""What keeps a file of Panoptes from being read or carried over as a whole; a bad row is a `BadRow` instead."""

from collections.abc import Sequence
from pathlib import Path

from api.errors import CommandError


class WrongExportError(CommandError):
    """The file is no export of this kind, or is damaged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class WrongWorkflowFileError(CommandError):
    """The file holds no Panoptes workflow, or it is not said which of several is meant."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


class UntranslatableWorkflowError(CommandError):
    """A Panoptes workflow asks what cannot be asked here; `problems` are all that is in the way."""

    def __init__(self, title: str, problems: Sequence[str]) -> None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"The workflow {title!r} cannot be carried over as it is:{lines}")
        self.title = title
        self.problems = tuple(problems)


class UnmatchedError(CommandError):
    """The answers of an export do not belong to the project's workflows in an evident way."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
