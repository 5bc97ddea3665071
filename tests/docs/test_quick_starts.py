"""The quick starts, word for word: what is marked `<!-- run -->` in a page runs here as a reader would run it."""

import contextlib
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from tests.docs.reading import DOCS, Block, blocks

PAGES: Final = ("researcher.md", "moderator.md")
"""Those of one campaign, in the order in which a reader comes to them."""

PICTURES: Final = 4

KEPT: Final = "if [ -f .shell ]; then . ./.shell; fi; set -a"
KEEP: Final = "export -p > .shell"
"""Around each block: they all are typed into one terminal, so that one sees the variables that another has set."""


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


@pytest.fixture
def environment(database_url: str, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAFFINCH_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"CHAFFINCH_DATABASE_URL": database_url, "CHAFFINCH_PORT": str(port), "PATH": path}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A researcher's folder: some pictures, and the client of the quick start."""
    (tmp_path / "pictures").mkdir()
    for number in range(PICTURES):
        noise = np.random.default_rng(number).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "pictures" / f"galaxy-{number}.png")
    shutil.copy(DOCS / "swipe.py", tmp_path)
    return tmp_path


def test_a_folder_of_pictures_becomes_labels(folder: Path, environment: dict[str, str], port: int) -> None:
    said = {}
    with ExitStack() as beside:
        for block in (block for page in PAGES for block in blocks(DOCS / page) if block.runs):
            text = block.text.replace("localhost:8000", f"localhost:{port}")
            text = text.replace("https://observatory.example", "http://127.0.0.1:9")  # asks nobody's name server
            if block.beside is None:
                said[block.place] = run(block, text, folder, environment)
            else:
                beside.enter_context(running(text, folder, environment))
                wait_for_service(port)

    labels = list(csv.DictReader((folder / "labels.csv").read_text().splitlines()))
    votes = list(csv.DictReader((folder / "votes.csv").read_text().splitlines()))
    everything = "\n".join(said.values())
    assert [label["label"] for label in labels] == ["yes"] * PICTURES
    assert len(votes) == 3 * PICTURES
    assert everything.count('"label":"yes"') >= 2 * PICTURES  # the feeds of labels and of events
    assert "whsec_" in everything
    assert "bit for bit" in everything
    assert "S1 is no in arc: revision 2" in everything


def run(block: Block, text: str, folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euc", f"{KEPT}\n{text}\n{KEEP}"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block.place} failed:\n{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def running(text: str, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        ["bash", "-c", f"exec {text}"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def wait_for_service(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urlopen(f"http://localhost:{port}/health", timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError("the service did not come up")
