"""What is committed names no machine, tells why it silences a tool, and calls its modules by honest names."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:work|home|Users|root)/[\w.-]+|\b[A-Z]:\\+Users\b")
REGISTRY = re.compile(
    r"--(?:extra-)?index-url\b|--find-links\b"
    r"|\b(?:files\.)?pythonhosted\.org\b|\bpypi\.org\b|\bnpmjs\.(?:org|com)\b|\byarnpkg\.com\b|\bconda\.anaconda\.org\b"
)
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b.*")
EXPLAINED = re.compile(r"#\s*(?:noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*|type: ignore\[[\w, -]+\])[\s#(-]+(?![A-Z]+\d)\w+")
SAYS_NOTHING = {"common", "data", "helper", "helpers", "manager", "misc", "process", "util", "utils"}


def committed_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip(f"not a git checkout: {listing.stderr.strip()}")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Return file, line and match of everything that the pattern finds, this file left out."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in paths
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="ignore").splitlines(), start=1)
        if (match := pattern.search(line))
    ]


def test_no_committed_file_names_a_path_of_somebodys_machine() -> None:
    assert found(MACHINE_PATH, committed_files()) == []


def test_no_committed_file_names_this_checkout() -> None:
    if len(ROOT.parts) < 3:
        pytest.skip(f"{ROOT} is too short a path to be told from text")

    assert found(re.compile(re.escape(str(ROOT)) + r"\b"), committed_files()) == []


def test_no_committed_file_names_a_package_registry() -> None:
    assert found(REGISTRY, committed_files()) == []


def test_every_silenced_complaint_says_why() -> None:
    python = [path for path in committed_files() if path.suffix == ".py"]

    assert [line for line in found(SILENCED, python) if not EXPLAINED.search(line)] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    python = [path for path in committed_files() if path.suffix == ".py"]

    assert [str(path.relative_to(ROOT)) for path in python if SAYS_NOTHING & {path.stem, path.parent.name}] == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (MACHINE_PATH, "data = '/home/ada/votes.csv'"),
        (MACHINE_PATH, r"C:\Users\ada"),
        (REGISTRY, "--index-url https://example.org/simple"),
        (REGISTRY, '"resolved": "https://registry.npmjs.org/vite/-/vite-8.0.0.tgz"'),
    ],
)
def test_a_leak_is_seen(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize(
    "line", ["GET /v1/workflows/3/decks", "see https://example.org/home/page", "--no-emit-index-url"]
)
def test_ordinary_text_is_no_leak(line: str) -> None:
    assert not MACHINE_PATH.search(line)
    assert not REGISTRY.search(line)


@pytest.mark.parametrize(
    ("line", "explained"),
    [
        ("import sep  # noqa: PLC0415 - an extra may be absent", True),
        ("x = f()  # type: ignore[no-any-return]  # the stubs are wrong", True),
        ("os.execv(*command)  # noqa: S606 (our own command)", True),
        ("import sep  # noqa: PLC0415", False),
        ("import sep  # noqa: PLC0415, S404", False),
        ("x = f()  # type: ignore", False),
    ],
)
def test_a_reason_is_told_from_none(line: str, explained: bool) -> None:
    assert SILENCED.search(line)
    assert bool(EXPLAINED.search(line)) is explained
