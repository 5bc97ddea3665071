"""Finds and starts the browser in which pages are tested and measured: the system's Chromium, or Playwright's own."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

ARGUMENTS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Nothing of the browser's own may go to the network: tests run where there is none, and it would be measured too."""


def browser_path() -> str | None:
    """Return the path of the browser, or None where there is none at all."""
    named = os.environ.get("CHAFFINCH_TEST_BROWSER")
    if named:
        return named
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is not None:
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Start a browser with a profile of its own, and stop it."""
    path = browser_path()
    assert path is not None, "there is no Chromium: sh .ci/browser installs one"
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory() as downloads, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments, downloads_path=downloads)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(0 if browser_path() else 1)
