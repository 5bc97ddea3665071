"""What the schemas of a model say: the type of a field in words, its limits, and a value that would do."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.http.reference.markup import Html, code, joined, link
from mobile_schemas.fields import BIGINT_MAX, INT32_MAX

Schema = Mapping[str, Any]

_DEPTH: Final = 6
_PATTERN_SHOWN: Final = 60
_NO_NUL: Final = r"^[^\x00]*$"
_WORDS: Final = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
_FORMATS: Final = {"uuid": "UUID", "date-time": "date and time", "binary": "bytes"}
_KNOWN_BOUNDS: Final[Mapping[object, str]] = {INT32_MAX: "2\u00b3\u00b9 - 1", BIGINT_MAX: "2\u2076\u00b3 - 1"}
_SAMPLES: Final = {"uuid": "01932c07-2f5a-7c3e-8d51-3f6f0c4b579a", "date-time": "2026-11-21T09:30:00.250+01:00"}


def model_name(reference: str) -> str:
    """Return the name of the model that a reference names."""
    return reference.rsplit("/", 1)[1]


def model_anchor(name: str) -> str:
    """Return the id under which a model is found in the page."""
    return f"model-{name}"


def type_in_words(schema: Schema) -> Html:
    """Return the type of a value, with links to the models in it."""
    match schema:
        case {"$ref": str(reference)}:
            name = model_name(reference)
            return link(f"#{model_anchor(name)}", name)
        case {"anyOf": choices} | {"oneOf": choices}:
            return _between(" or ", map(type_in_words, choices))
        case {"enum": values}:
            return _between(" or ", (code(_spelled(value)) for value in values))
        case {"const": value}:
            return code(_spelled(value))
        case _:
            return _kind_in_words(schema)


def _kind_in_words(schema: Schema) -> Html:
    match schema:
        case {"type": "array", "prefixItems": items}:
            return joined("list of ", _between(", ", map(type_in_words, items)))
        case {"type": "array"}:
            return joined("list of ", type_in_words(schema.get("items", {})))
        case {"type": "object"}:
            return _object_in_words(schema)
        case _:
            kind = str(schema.get("type", "any value"))
            return Html(_FORMATS.get(str(schema.get("format")), _WORDS.get(kind, kind)))


def _object_in_words(schema: Schema) -> Html:
    values = schema.get("additionalProperties")
    return joined("object of ", type_in_words(values)) if isinstance(values, Mapping) else Html("object")


def limits(schema: Schema) -> list[Html]:
    """Return what a value must keep to, beyond its type."""
    found = [
        *_bounds(schema, "minimum", "maximum", ""),
        *_bounds(schema, "minLength", "maxLength", " characters"),
        *_bounds(schema, "minItems", "maxItems", " items"),
    ]
    if _shown(schema):
        found.append(joined("of the form ", code(str(schema["pattern"]))))
    if schema.get("default", "") not in (None, "", []):
        found.append(joined("by default ", code(_spelled(schema["default"]))))
    inner = _but_for_null(schema)
    return found + limits(inner) if inner is not schema and "$ref" not in inner else found


def description(schema: Schema) -> str:
    """Return what is said of a value, or nothing."""
    return str(schema.get("description") or _but_for_null(schema).get("description", ""))


def example(schema: Schema) -> Html | None:
    """Return the example of a value, or None where none is given."""
    given = schema.get("examples") or _but_for_null(schema).get("examples")
    return code(json.dumps(given[0], ensure_ascii=False)) if given else None


def _but_for_null(schema: Schema) -> Schema:
    """Return the one choice that is not null, where there are two."""
    inner = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    return inner[0] if len(inner) == 1 else schema


def _shown(schema: Schema) -> bool:
    """Whether a person learns something from the pattern that the type has not said."""
    pattern = str(schema.get("pattern", ""))
    return 0 < len(pattern) < _PATTERN_SHOWN and pattern != _NO_NUL and schema.get("format") not in _FORMATS


def _bounds(schema: Schema, lower: str, upper: str, unit: str) -> list[Html]:
    low, high = (_KNOWN_BOUNDS.get(bound, bound) for bound in (schema.get(lower), schema.get(upper)))
    if low is None and high is None:
        return []
    if high is None:
        return [joined(f"from {low}{unit}")]
    return [joined(f"at most {high}{unit}" if low is None else f"{low} to {high}{unit}")]


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _between(separator: str, parts: Iterable[Html]) -> Html:
    found: list[str] = []
    for part in parts:
        found += [separator, part]
    return joined(*found[1:])


def sample(schema: Schema, models: Mapping[str, Schema], depth: int = 0) -> Any:
    """Return a value that the schema allows: its example if it has one, or the plainest of its kind.

    Of an object the fields that must be there and those that have an example are filled in.
    """
    match schema:
        case {"examples": [value, *_]}:
            return value
        case {"$ref": str(reference)}:
            return sample(models[model_name(reference)], models, depth + 1)
        case {"anyOf": [choice, *_]} | {"oneOf": [choice, *_]}:
            return sample(choice, models, depth)
        case {"const": value} | {"enum": [value, *_]} | {"default": value}:
            return value
        case _:
            return _sample_of_kind(schema, models, depth)


def _sample_of_kind(schema: Schema, models: Mapping[str, Schema], depth: int) -> Any:
    match schema:
        case {"type": "array", "items": items} if depth < _DEPTH:
            return [sample(items, models, depth + 1)]
        case {"type": "array"}:
            return []
        case {"type": "object"}:
            return _sample_object(schema, models, depth)
        case _:
            return _plainest(schema)


def _sample_object(schema: Schema, models: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    needed = set(schema.get("required", ()))
    return {
        name: sample(about, models, depth + 1)
        for name, about in schema.get("properties", {}).items()
        if name in needed or example(about) is not None
    }


def _plainest(schema: Schema) -> Any:
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "string":
            return _SAMPLES.get(str(schema.get("format")), "text")
        case _:
            return None
