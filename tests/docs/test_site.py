"""The site: built strictly, whole in itself, and readable on a plain git host as well."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, pages

LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)([^)#\s]+)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LOADING = {"audio", "embed", "iframe", "img", "link", "object", "script", "source", "video"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Loads(HTMLParser):
    """Collects what a page loads by itself."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LOADING:
            self.found += [value or "" for name, value in attrs if name in {"data", "href", "src", "srcset"}]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = [(page.name, each) for page in site.rglob("*.html") for each in Loads(page.read_text()).found]

    assert len(list(site.glob("*.html"))) > len(list((ROOT / "docs").glob("*.md")))
    assert [(page, each) for page, each in loaded if re.match(r"(\w+:)?//", each)] == []
    assert [
        style for style in site.rglob("*.css") if re.search(r"(@import|url\()\s*[\"']?(\w+:)?//", style.read_text())
    ] == []


def links() -> Iterator[tuple[Path, str]]:
    """Give every relative link of a page; what stands in code is an example of one."""
    for page in [*pages(), ROOT / "CONTRIBUTING.md"]:
        yield from ((page, link) for link in LINK.findall(CODE.sub("", page.read_text())))


def test_every_relative_link_works_on_a_plain_git_host_too() -> None:
    assert [f"{page.name}: {link}" for page, link in links() if not (page.parent / link).exists()] == []
