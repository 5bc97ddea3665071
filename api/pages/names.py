"""The pages that a project may have."""

from enum import StrEnum
from typing import Final


class PageName(StrEnum):
    """A page, as its file is called without the ending."""

    ABOUT = "about"
    TUTORIAL = "tutorial"
    GUIDE = "guide"

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self}.md"

    @property
    def part(self) -> str | None:
        """What a heading begins in it, if it is made of parts."""
        return {PageName.TUTORIAL: "step", PageName.GUIDE: "entry"}.get(self)


NAMES: Final = ", ".join(f"{name.file}" for name in PageName)
"""All files, for a sentence."""
