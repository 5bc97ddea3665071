"""Reads the tuned statements of the hot path from `sql/*.sql`, each under its `-- name:`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(name: str) -> Mapping[str, str]:
    """Return the statements of `sql/{name}.sql` by their names."""
    text = files("api.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    return MappingProxyType({key: body.strip().rstrip(";") for key, body in zip(parts[::2], parts[1::2], strict=True)})
