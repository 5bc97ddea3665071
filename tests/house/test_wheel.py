"""A wheel carries everything that the service needs, the phone client as it was built too."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest

from tests.http.shell import a_built_client

ROOT: Final = Path(__file__).parents[2]
FILES: Final = (".gitignore", "LICENSE", "README.md", "hatch_build.py", "pyproject.toml")
PACKAGES: Final[list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
    "wheel"
]["packages"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a wheel is built of, without a client."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, tree)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(tree / "api" / "client", ignore_errors=True)
    return tree


def build(tree: Path, target: str = "wheel") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", "dist"]
    return subprocess.run(command, cwd=tree, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def carried(tree: Path) -> set[str]:
    [wheel] = (tree / "dist").glob("*.whl")
    with ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def test_a_wheel_carries_every_package_and_the_client(tree: Path) -> None:
    a_built_client(tree / "api" / "client")

    done = build(tree)

    assert done.returncode == 0, done.stderr
    there = {path.relative_to(tree).as_posix() for package in PACKAGES for path in (tree / package).rglob("*.*")}
    assert carried(tree) == there
    assert {"api/client/index.html", "api/client/service-worker.js", "gamification/__init__.py"} <= there
    assert any(name.startswith("migrations/versions/") for name in there)
    assert "api/client/assets/index-1a2b.js" in there


def test_every_package_is_one_that_a_wheel_carries() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages - {"benchmarks", "tests"} == set(PACKAGES)


def test_there_is_no_wheel_without_a_client(tree: Path) -> None:
    done = build(tree)

    assert done.returncode != 0
    assert "run `make client` first" in done.stderr
    assert list(tree.glob("dist/*.whl")) == []


def test_a_checkout_may_be_installed_before_its_client_is_built(tree: Path) -> None:
    done = build(tree, "wheel:editable")

    assert done.returncode == 0, done.stderr
    assert len(carried(tree)) < 5
