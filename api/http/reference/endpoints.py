"""One endpoint as a piece of the page: what it does, for whom, what goes in and what comes out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from shlex import quote
from typing import Any, Final
from urllib.parse import quote as in_url
from urllib.parse import urlencode

from api.http.reference.markup import Html, code, element, joined, link, prose
from api.http.reference.values import Schema, example, limits, sample, type_in_words
from mobile_schemas.endpoint import BYTES, EVENTS, JSON, NDJSON, WEBP

SERVICE: Final = "http://localhost:8000"
"""Where the examples look for the service: the address that `chaffinch serve` listens on unless told otherwise."""

_LINE: Final = 80
"""Characters of a body from which on it is written in lines of its own."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as the OpenAPI document has it."""

    method: str
    path: str
    about: Document

    @property
    def name(self) -> str:
        """Its name, which is its id in the page."""
        return str(self.about["operationId"])

    @property
    def noun(self) -> str:
        """What it is about."""
        return str(self.about["tags"][0])

    @property
    def needs_token(self) -> bool:
        """Whether it asks for a token."""
        return all(self.about.get("security", ({},)))

    @property
    def body(self) -> tuple[str, Schema] | None:
        """Return the media type and the schema of its body."""
        content = self.about.get("requestBody", {}).get("content", {})
        return next(((kind, about["schema"]) for kind, about in content.items()), None)


def operations(document: Document) -> list[Operation]:
    """Return every operation of a document, in its order."""
    return [
        Operation(method.upper(), path, about)
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]


def endpoint_section(operation: Operation, document: Document) -> Html:
    """Return the section of one endpoint."""
    return element(
        "section",
        element("h3", link(f"#{operation.name}", _line(operation), class_="self")),
        element("p", prose(operation.about["summary"])),
        element("p", _for_whom(operation), class_="scope"),
        *_parameters(operation),
        *_body(operation),
        *_replies(operation),
        *_problems(operation, document),
        element("h4", "Try it"),
        element("pre", code(curl(operation, document)), tabindex="0"),
        id=operation.name,
        class_="endpoint",
    )


def _line(operation: Operation) -> Html:
    method = element("span", operation.method, class_=f"method {operation.method.lower()}")
    return joined(method, Html(" "), element("code", operation.path, class_="path"))


def _for_whom(operation: Operation) -> Html:
    return Html(operation.about.get("description", "For everybody; no token is looked at."))


def field(name: str, schema: Schema, about: str, *, required: bool, where: str = "") -> Html:
    """Return one field of a body or one parameter: its name, type, limits, meaning and example."""
    facts = [
        element("span", type_in_words(schema), class_="type"),
        *(element("span", limit, class_="limit") for limit in limits(schema)),
        *([element("span", "required", class_="required")] if required else []),
    ]
    shown = example(schema)
    return joined(
        element("dt", code(name), *([element("span", where, class_="where")] if where else [])),
        element(
            "dd",
            element("p", *facts, class_="facts"),
            *([element("p", prose(about))] if about else []),
            *([element("p", "Example: ", shown)] if shown else []),
        ),
    )


def _parameters(operation: Operation) -> Iterator[Html]:
    parameters = operation.about["parameters"]
    if not parameters:
        return
    yield element("h4", "Parameters")
    fields = [
        field(
            parameter["name"],
            {**parameter["schema"], **({"examples": [parameter["example"]]} if "example" in parameter else {})},
            parameter.get("description", ""),
            required=parameter["required"],
            where=f"in the {parameter['in']}",
        )
        for parameter in parameters
    ]
    yield element("dl", *fields)


def _body(operation: Operation) -> Iterator[Html]:
    if operation.body is None:
        return
    media_type, schema = operation.body
    limit = "" if "maxLength" not in schema else f", at most {schema['maxLength']:,} bytes"
    yield element("h4", "Body")
    yield element("p", type_in_words(schema), limit, " as ", code(media_type))


def _replies(operation: Operation) -> Iterator[Html]:
    yield element("h4", "Reply")
    for status, reply in operation.about["responses"].items():
        if "$ref" in reply:
            continue
        for media_type, content in reply.get("content", {}).items():
            lines = content.get("x-line-schema")
            what = type_in_words(lines or content.get("schema") or {"type": "bytes"})
            each = "" if not lines else ", one an event" if media_type == EVENTS else ", one a line"
            yield element("p", element("b", status), " ", what, each, " as ", code(media_type))
        for name, header in reply.get("headers", {}).items():
            yield element("p", "Header ", code(name), ": ", prose(header["description"]))


def _problems(operation: Operation, document: Document) -> Iterator[Html]:
    """List the statuses of problems, each with the types that have it, folded away: they are many."""
    rows = []
    for status, reply in operation.about["responses"].items():
        if "$ref" not in reply:
            continue
        kinds = document["components"]["responses"][status]["x-problems"]
        links: list[str] = []
        for name in kinds:
            links += [", ", link(f"/problems/{name}", name)]
        rows.append(joined(element("dt", f"{status} {HTTPStatus(int(status)).phrase}"), element("dd", *links[1:])))
    statuses = ", ".join(status for status, reply in operation.about["responses"].items() if "$ref" in reply)
    if rows:
        yield element(
            "details",
            element("summary", f"Problems: {statuses}"),
            element("dl", *rows, class_="problems"),
        )


def curl(operation: Operation, document: Document) -> str:
    """Return a line for a shell that asks this of a service on this machine."""
    parts = ["curl" if operation.method == "GET" else f"curl -X {operation.method}"]
    reply = next((kind for kind in _media_types(operation)), JSON)
    if reply in {EVENTS, NDJSON}:
        parts[0] += " -N"
    if reply in {WEBP, BYTES}:
        parts[0] += " -O"
    if operation.needs_token:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if operation.body is not None:
        parts += _sent(operation.body, document)
    return " \\\n  ".join([*parts, quote(SERVICE + _filled(operation))])


def _media_types(operation: Operation) -> Iterator[str]:
    for reply in operation.about["responses"].values():
        yield from reply.get("content", {})


def _sent(body: tuple[str, Schema], document: Document) -> list[str]:
    media_type, schema = body
    if media_type != JSON:
        return [f"-H 'Content-Type: {media_type}'", "--data-binary @FILE"]
    value = sample(schema, document["components"]["schemas"])
    line = json.dumps(value, ensure_ascii=False)
    written = line if len(line) < _LINE else json.dumps(value, ensure_ascii=False, indent=2)
    return [f"-H 'Content-Type: {JSON}'", "-d " + quote(written)]


def _filled(operation: Operation) -> str:
    """Return the path with its example values, and what of the query must be there or has an example."""
    path, query = operation.path, {}
    for parameter in operation.about["parameters"]:
        value = parameter.get("example", sample(parameter["schema"], {}))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", in_url(str(value)))
        elif parameter["required"] or "example" in parameter:
            query[parameter["name"]] = value
    return path + ("?" + urlencode(query, safe=",") if query else "")
