"""Reads bodies and parameters into their models, and says of every field that does not fit what would be right.

What would be right is read from the model's own JSON schema, so that it cannot differ from what is checked.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.errors import BrokenJsonError, InvalidInputError
from mobile_schemas.fields import SPELLED, Model
from mobile_schemas.problems import FieldProblemOut

FIELDS_LISTED: Final = 200
"""So many wrong fields are listed at most; a full batch with one wrong field in each item is listed whole."""

_SHOWN: Final = 60
_WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)

M = TypeVar("M", bound=Model)
Schema = Mapping[str, Any]


def read_body(model: type[M], body: bytes) -> M:
    """Return the body as its model.

    Raises
    ------
    BrokenJsonError
        The body is not JSON in UTF-8.
    InvalidInputError
        The body is JSON of another form; every field is named by its JSON pointer.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False)
    if found[0]["type"] == "json_invalid":
        raise BrokenJsonError(found[0]["msg"].removeprefix("Invalid JSON: "))
    listed = [
        FieldProblemOut(pointer=_pointer(detail["loc"]), problem=_problem(detail), remedy=_remedy(model, detail))
        for detail in found[:FIELDS_LISTED]
    ]
    raise InvalidInputError(listed, len(found))


def read_query(model: type[M] | None, query: bytes) -> M | None:
    """Return the query as its model, or None where the endpoint has none.

    Raises
    ------
    InvalidInputError
        A parameter is wrong, unknown, or given twice.
    """
    if model is None and not query:
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")
    texts = dict(pairs)
    fields = _wrong_names(model, [name for name, _ in pairs])
    values = None
    if model is not None:
        try:
            values = model.model_validate(_values(model, texts))
        except ValidationError as error:
            fields += wrong_parameters(model, error)
    if fields:
        raise InvalidInputError(fields[:FIELDS_LISTED], len(fields))
    return values


def read_path(model: type[M], texts: Mapping[str, str]) -> M:
    """Return the parameters of a path as their model, or raise pydantic's `ValidationError`."""
    return model.model_validate(_values(model, texts))


def wrong_parameters(model: type[Model], error: ValidationError) -> list[FieldProblemOut]:
    """Say which parameters are wrong; those that the model does not have are left to the caller."""
    return [
        FieldProblemOut(parameter=str(detail["loc"][0]), problem=_problem(detail), remedy=_remedy(model, detail))
        for detail in error.errors(include_url=False)
        if detail["type"] != "extra_forbidden"
    ]


def _wrong_names(model: type[Model] | None, names: Sequence[str]) -> list[FieldProblemOut]:
    """Complain of parameters that are not known, unless the model ignores them, or given more than once."""
    known = {} if model is None else model.model_fields
    if model is not None and model.model_config.get("extra") == "ignore":
        names = [name for name in names if name in known]
    wrong = []
    for name in dict.fromkeys(names):
        if name not in known:
            wrong.append(FieldProblemOut(parameter=_cut(name), problem="unknown", remedy=_known(name, known)))
        elif names.count(name) > 1:
            wrong.append(FieldProblemOut(parameter=name, problem="given more than once", remedy="give it once"))
    return wrong


def _values(model: type[Model], texts: Mapping[str, str]) -> dict[str, str | int]:
    """Turn digits into numbers where the model wants a whole number: the text of a URL has no types."""
    whole = _whole_numbers(model)
    return {
        name: int(text) if name in whole and _WHOLE_NUMBER.fullmatch(text) else text for name, text in texts.items()
    }


@cache
def _schema(model: type[Model]) -> Schema:
    return model.model_json_schema()


@cache
def _whole_numbers(model: type[Model]) -> frozenset[str]:
    properties: Mapping[str, Schema] = _schema(model)["properties"]
    return frozenset(name for name, schema in properties.items() if schema.get("type") == "integer")


def _pointer(location: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901); a name longer than any of ours is cut short."""
    steps = (_cut(str(step)).replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in steps)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _problem(detail: ErrorDetails) -> str:
    """Say what is wrong."""
    match detail["type"]:
        case "missing":
            return "missing"
        case "extra_forbidden":
            return "unknown"
        case "too_long" | "too_short":
            return f"{detail['ctx']['actual_length'] or 'too many'} items"
        case "string_too_long" | "string_too_short":
            return f"a text of {len(detail['input'])} characters"
        case _:
            return f"is {_shown(detail['input'])}"


def _shown(value: object) -> str:
    """Show a value that was sent, shortened."""
    match value:
        case list():
            return f"a list of {len(value)} items"
        case dict():
            return "an object"
        case _:
            return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _remedy(model: type[Model], detail: ErrorDetails) -> str:
    """Say what would be right."""
    if detail["type"] in SPELLED:
        return detail["msg"]
    root, location = _schema(model), detail["loc"]
    if detail["type"] == "extra_forbidden":
        return _known(str(location[-1]), _at(root, location[:-1]).get("properties", {}))
    return _wanted(_at(root, location))


def _known(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name[:_SHOWN], names, n=1)
    if near:
        return f"leave it out, or say {near[0]}"
    return f"leave it out; known are {', '.join(names)}" if names else "leave it out; none is known here"


def _resolved(root: Schema, schema: Schema) -> Schema:
    """Follow references, and look through `null` in a choice of two."""
    while True:
        choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        elif len(choices) == 1:
            schema = {**choices[0], **{key: value for key, value in schema.items() if key != "anyOf"}}
        else:
            return schema


def _at(root: Schema, location: Iterable[str | int]) -> Schema:
    """Return the schema of a place in the body."""
    schema = _resolved(root, root)
    for step in location:
        below = schema.get("items", {}) if isinstance(step, int) else schema.get("properties", {}).get(step, {})
        schema = _resolved(root, below)
    return schema


def _wanted(schema: Schema) -> str:
    """Describe the values that a schema allows."""
    match schema:
        case {"enum": choices}:
            return f"one of {', '.join(map(str, choices))}"
        case {"type": "array"}:
            return f"a list of {_bounds(schema, 'minItems', 'maxItems')} items"
        case {"type": "object", "properties": properties}:
            return f"an object with the fields {', '.join(properties)}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer"}:
            wanted = f"a whole number {_bounds(schema, 'minimum', 'maximum')}"
        case {"format": "uuid"}:
            wanted = "a UUID"
        case {"format": "date-time"}:
            wanted = "a date and time with its offset from UTC"
        case _:
            wanted = _text(schema)
    examples = [f", such as {json.dumps(value)}" for value in schema.get("examples", ())[:1]]
    notes = [f" ({schema['description']})"] if "description" in schema else []
    return "".join([wanted, *examples, *notes])


def _bounds(schema: Schema, lower: str, upper: str) -> str:
    low, high = schema.get(lower, 0), schema.get(upper)
    return f"from {low}" if high is None else f"{low} to {high}"


def _text(schema: Schema) -> str:
    """Describe a text by its length and, where a person can read it, its pattern."""
    length = f" of {_bounds(schema, 'minLength', 'maxLength')} characters" if "maxLength" in schema else ""
    pattern = schema.get("pattern", "")
    form = f" of the form {pattern}" if 0 < len(pattern) < _SHOWN else ""
    return f"a text{length}{form}"
