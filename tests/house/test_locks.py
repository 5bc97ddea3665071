"""The hash-locked requirement files carry out what pyproject.toml asks for."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REMEDY = "run: make lock"


@dataclass(frozen=True)
class Pin:
    """One locked version, on the platforms that its marker tells."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    def carries_out(self, wish: Requirement) -> bool:
        version = str(self.requirement.specifier).removeprefix("==")
        return self.name == canonicalize_name(wish.name) and wish.specifier.contains(version, prereleases=True)


def pins(name: str) -> list[Pin]:
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        requirement, *hashes = line.split("--hash=")
        found.append(Pin(Requirement(requirement), frozenset(each.strip() for each in hashes)))
    return found


def declared() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wishes() -> tuple[list[Requirement], list[Requirement]]:
    """Return what running needs and what developing needs on top of it."""
    project, groups = declared()["project"], declared()["dependency-groups"]
    chosen = [*project.get("optional-dependencies", {}).values(), groups["dev"]]
    developing = [Requirement(each) for group in chosen for each in group]
    return [Requirement(each) for each in project["dependencies"]], developing


def missing(wished: list[Requirement], locked: list[Pin]) -> list[str]:
    return [str(wish) for wish in wished if not any(pin.carries_out(wish) for pin in locked)]


def test_running_needs_nothing_that_is_not_locked() -> None:
    running, _ = wishes()

    assert missing(running, pins("runtime.txt")) == [], REMEDY


def test_developing_needs_nothing_that_is_not_locked() -> None:
    running, developing = wishes()

    assert missing(running + developing, pins("develop.txt")) == [], REMEDY


@pytest.mark.parametrize("group", ["node", "peers"])
def test_what_is_installed_apart_is_locked_apart(group: str) -> None:
    wished = [Requirement(each) for each in declared()["dependency-groups"][group]]

    assert missing(wished, pins(f"{group}.txt")) == [], REMEDY


def test_both_locks_name_the_same_versions() -> None:
    developing = {(pin.requirement.name, str(pin.requirement.specifier), pin.hashes) for pin in pins("develop.txt")}
    running = {(pin.requirement.name, str(pin.requirement.specifier), pin.hashes) for pin in pins("runtime.txt")}

    assert running - developing == set(), REMEDY  # a marker may be wider in develop.txt: a tool may ask for more


@pytest.mark.parametrize("name", ["runtime.txt", "develop.txt", "node.txt", "peers.txt"])
def test_every_pin_is_one_version_with_its_hashes(name: str) -> None:
    sha256 = re.compile(r"sha256:[0-9a-f]{64}")

    loose = [
        str(pin.requirement)
        for pin in pins(name)
        if not str(pin.requirement.specifier).startswith("==")
        or not pin.hashes
        or not all(sha256.fullmatch(digest) for digest in pin.hashes)
    ]

    assert loose == [], REMEDY


def test_a_version_that_is_too_old_counts_as_missing() -> None:
    pin = Pin(Requirement("numpy==2.4.6"), frozenset({"sha256:" + "0" * 64}))

    assert missing([Requirement("numpy>=2.5"), Requirement("numpy>=2.4")], [pin]) == ["numpy>=2.5"]
