"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: fine, worth knowing, or in need of somebody."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was found in a sentence, and what to do in another."""

    check: str
    verdict: Verdict
    found: str
    remedy: str | None = None


def ok(check: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Verdict.OK, found)


def note(check: str, found: str, remedy: str | None = None) -> Finding:
    """Return something worth knowing."""
    return Finding(check, Verdict.NOTE, found, remedy)


def wrong(check: str, found: str, remedy: str) -> Finding:
    """Return something in need of somebody."""
    return Finding(check, Verdict.WRONG, found, remedy)
