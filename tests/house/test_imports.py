"""The engines and the contract import what is listed here, and use nothing that reaches outside the program."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PURE = frozenset(
    {
        "__future__",
        "bisect",
        "collections",
        "dataclasses",
        "decimal",
        "difflib",
        "enum",
        "functools",
        "graphlib",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "numbers",
        "operator",
        "re",
        "string",
        "types",
        "typing",
        "unicodedata",
    }
)
ALLOWED = {
    "cascade": PURE | {"cascade", "numpy", "scipy.special"},
    "gamification": PURE | {"gamification", "datetime", "scipy.special"},
    "mobile_schemas": PURE
    | {"mobile_schemas", "datetime", "http.HTTPStatus", "pydantic", "pydantic_core", "uuid.UUID"},
}

# What reaches files, terminals or clocks by way of something allowed, or by no import at all.
FORBIDDEN = frozenset(
    {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}
    | {"datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow"}
    | {"numpy.ctypeslib", "numpy.f2py", "numpy.fromfile", "numpy.genfromtxt", "numpy.load", "numpy.loadtxt"}
    | {"numpy.memmap", "numpy.save", "numpy.savetxt", "numpy.savez", "numpy.savez_compressed"}
)


def prefixes(dotted: str) -> set[str]:
    parts = dotted.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def forbidden(dotted: str) -> bool:
    """Tell whether a name reaches outside. Dice are an argument: of numpy.random only the type may be named."""
    rolls_dice = dotted.startswith("numpy.random.") and dotted != "numpy.random.Generator"
    return rolls_dice or bool(FORBIDDEN & prefixes(dotted))


def imports(tree: ast.Module, package: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the local name and the full name of everything that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.asname or "", alias.name
        elif isinstance(node, ast.ImportFrom):
            source = package if node.level else node.module
            for alias in node.names:
                yield node.lineno, alias.asname or alias.name, f"{source}.{alias.name}"


def full_name(node: ast.expr, bound: dict[str, str]) -> str:
    """Spell `np.random.default_rng` out as `numpy.random.default_rng`; an expression with no such name gives ''."""
    match node:
        case ast.Name(id=name):
            return bound.get(name, name)
        case ast.Attribute(value=owner, attr=name) if prefix := full_name(owner, bound):
            return f"{prefix}.{name}"
    return ""


def _is_given(node: ast.expr) -> bool:
    """Tell a name that is given, such as that of a field `open`, from one that is used."""
    return isinstance(getattr(node, "ctx", None), ast.Store)


def complaints(source: str, package: str) -> list[str]:
    """Say, line by line, what a module imports or uses that its package may not."""
    tree = ast.parse(source)
    imported = list(imports(tree, package))
    bound = {local: dotted for _, local, dotted in imported if local}
    used = [node for node in ast.walk(tree) if isinstance(node, ast.expr) and not _is_given(node)]
    named = [(node.lineno, full_name(node, bound)) for node in used]
    foreign = {(line, f"imports {name}") for line, _, name in imported if not ALLOWED[package] & prefixes(name)}
    reaching = {(line, f"uses {name}") for line, name in named if forbidden(name)}
    reaching |= {(line, f"uses {name}") for line, _, name in imported if forbidden(name)}
    return [f"{line}: {what}" for line, what in sorted(foreign | reaching)]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_pure_package_imports_only_what_is_listed_and_reaches_nothing_outside(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))

    found = [f"{path.relative_to(ROOT)}:{what}" for path in modules for what in complaints(path.read_text(), package)]

    assert modules
    assert not found


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import os", "1: imports os"),
        ("import numpy as np, random", "1: imports random"),
        ("def decide():\n    from api.store import tables", "2: imports api.store.tables"),
        ("from scipy import stats", "1: imports scipy.stats"),
        ("import mobile_schemas", "1: imports mobile_schemas"),
        ("lines = open('votes.csv')", "1: uses open"),
        ("list(map(print, []))", "1: uses print"),
        ("import numpy as np\nnp.load('votes.npy')", "2: uses numpy.load"),
        ("import numpy as np\nnp.random.default_rng()", "2: uses numpy.random.default_rng"),
        ("from numpy import random\nrandom.shuffle([])", "2: uses numpy.random.shuffle"),
        ("from numpy.random import default_rng", "1: uses numpy.random.default_rng"),
    ],
)
def test_what_the_engine_may_not_have_is_named_with_its_line(source: str, complaint: str) -> None:
    assert complaints(source, "cascade") == [complaint]


def test_the_contract_may_not_read_the_clock() -> None:
    source = "from datetime import UTC, datetime\nnow = datetime.now(UTC)"

    assert complaints(source, "mobile_schemas") == ["2: uses datetime.datetime.now"]


def test_numbers_relative_imports_fields_and_dice_as_an_argument_are_allowed() -> None:
    source = """
import numpy as np
import numpy.typing
from scipy import special
from scipy.special import betaincinv
from . import decision
from .vocabulary import Answer
import re

WORD = re.compile("[a-z]+")

class Piles:
    open: int

def deal(rng: np.random.Generator, cards: numpy.typing.NDArray[np.int64]) -> None:
    rng.shuffle(cards)
"""

    assert complaints(source, "cascade") == []
