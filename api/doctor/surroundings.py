"""The environment, Python and its packages."""

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from api.doctor.findings import Finding, note, ok, wrong
from api.settings import Settings

PREFIX: Final = "CHAFFINCH_"
LOCK: Final = Path(__file__).parents[2] / "requirements" / "runtime.txt"
"""What the project was tested with; it is there in a checkout only."""

OLDEST_PYTHON: Final = (3, 11)

_LOCKED: Final = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;\\]+)([^\\\n]*)", re.MULTILINE)


def check_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look for variables of ours that nobody reads, which are usually misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    for name in unknown:
        near = difflib.get_close_matches(name.upper(), known, 1)
        guess = f"write {near[0]} if you mean that" if near else "see the settings in docs/running.md, or remove it"
        yield wrong("settings", f"{name} is set, and means nothing", guess)
    if not unknown:
        count = sum(name.upper() in known for name in environment)
        yield ok("settings", f"{count} set by the environment, all known" if count else "all as they come")


def check_python(lock: Path = LOCK) -> Iterator[Finding]:
    """Compare Python and the packages with what the project was tested with."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield wrong("Python", f"{running} is too old", "install Python 3.11 or newer")
    else:
        yield ok("Python", running)
    if not lock.exists():
        yield note("packages", "installed without the lock file, so versions were not compared")
        return
    locked = _locked(lock.read_text(encoding="utf-8"))
    yield from _compared(locked)


def _locked(text: str) -> dict[str, str]:
    """Return the packages of a lock file that are needed everywhere."""
    return {name: pinned for name, pinned, marker in _LOCKED.findall(text) if ";" not in marker}


def _compared(locked: Mapping[str, str]) -> Iterator[Finding]:
    missing, other = [], []
    for name, pinned in locked.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if found != pinned:
            other.append(f"{name} {found} (tested: {pinned})")
    install = "run pip install -r requirements/runtime.txt"
    if missing:
        yield wrong("packages", f"missing: {_few(missing)}", install)
    if other:
        yield note("packages", f"other versions than were tested: {_few(other)}", install)
    if not missing and not other:
        yield ok("packages", f"{len(locked)} as they were tested")


def _few(names: Iterable[str], most: int = 4) -> str:
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
