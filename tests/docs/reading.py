"""The pages of documentation, as tests read them: their blocks of code, and which of them are to be run."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"

_BLOCK: Final = re.compile(
    r"^(?P<mark><!-- run(?:: (?P<beside>\w+))? -->\n)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code in a page; `beside` names one that runs beside those that follow, and is stopped in the end."""

    page: str
    line: int
    language: str
    text: str
    runs: bool
    beside: str | None

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return every page there is."""
    return [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in their order."""
    content = page.read_text()
    return [
        Block(
            page.name,
            content.count("\n", 0, found.start("text")) + 1,
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            found["mark"] is not None,
            found["beside"],
        )
        for found in _BLOCK.finditer(content)
    ]
