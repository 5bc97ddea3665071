"""Describes a table of endpoints as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.http.kinds import FAULT, KINDS
from mobile_schemas.endpoint import AUDIENCES, BYTES, CHUNK_LIMIT_BYTES, EVENTS, JSON, NDJSON, Endpoint
from mobile_schemas.fields import Model
from mobile_schemas.problems import PROBLEM_MEDIA_TYPE, ProblemOut

Json = dict[str, Any]
Models = Mapping[Any, Json]

_ABOVE: Final = re.compile(r"^/v1(/(projects|workflows)/{\w+}(?=/))?")
_REFERENCE: Final = "#/components/schemas/{model}"
_ABOUT: Final = (
    "Citizen science for phones. Register to get a token, ask for decks, send classifications in batches. "
    "Whatever goes wrong is told as a problem document (RFC 9457) that names the field and what would be right."
)


def document(endpoints: Sequence[Endpoint], title: str, version: str) -> Json:
    """Return the OpenAPI document of a table of endpoints."""
    models, schemas = _schemas(endpoints)
    paths: Json = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, models)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _problem(status, models) for status in _statuses(endpoints)},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "opaque, chf_..."}},
        },
    }


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[Models, Json]:
    """Return a reference for each model of the table, and the schemas referred to."""
    wanted: dict[tuple[type[Model], JsonSchemaMode], None] = {(ProblemOut, "serialization"): None}
    for endpoint in endpoints:
        if endpoint.body is not None and issubclass(endpoint.body, Model):
            wanted[endpoint.body, "validation"] = None
        if endpoint.reply is not None:
            wanted[endpoint.reply, "serialization"] = None
    references, definitions = models_json_schema(list(wanted), ref_template=_REFERENCE)
    return references, definitions["$defs"]


def _statuses(endpoints: Iterable[Endpoint]) -> list[int]:
    return sorted({status for endpoint in endpoints for status in endpoint.statuses})


def noun(path: str) -> str:
    """Return what an endpoint is about: the first word of its path below the version and the project or workflow.

    What is outside `/v1`, pictures aside, is about the service itself.
    """
    below = _ABOVE.sub("", path).strip("/").split("/")[0]
    return below if path.startswith(("/v1/", "/media/")) else "service"


def _operation(endpoint: Endpoint, models: Models) -> Json:
    operation: Json = {
        "operationId": endpoint.name,
        "tags": [noun(endpoint.path)],
        "summary": endpoint.summary,
        "parameters": [*_parameters(endpoint.parameters, "path"), *_parameters(endpoint.query, "query")],
        "responses": {
            str(endpoint.status): _success(endpoint, models),
            **({"206": _part(endpoint)} if endpoint.ranges else {}),
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in endpoint.statuses},
        },
    }
    if endpoint.access != "public":
        operation["security"] = [{"token": [endpoint.access]}]
        operation["description"] = f"For {AUDIENCES[endpoint.access]}."
    elif endpoint.knows_bearer:
        operation["security"] = [{}, {"token": []}]
        operation["description"] = "For everybody; members see more, by any token of theirs."
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": _body(endpoint.body, models),
        }
    return operation


def _body(body: type[Model] | type[bytes], models: Models) -> Json:
    if issubclass(body, Model):
        return {JSON: {"schema": models[body, "validation"]}}
    return {BYTES: {"schema": {"type": "string", "format": "binary", "maxLength": CHUNK_LIMIT_BYTES}}}


def _parameters(model: type[Model] | None, place: Literal["path", "query"]) -> list[Json]:
    """Return the parameters that a flat model stands for."""
    if model is None:
        return []
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": place,
            "required": name in schema.get("required", ()),
            "schema": {key: value for key, value in about.items() if key not in {"title", "description", "examples"}},
            **({"description": about["description"]} if "description" in about else {}),
            **({"example": about["examples"][0]} if "examples" in about else {}),
        }
        for name, about in schema["properties"].items()
    ]


def _success(endpoint: Endpoint, models: Models) -> Json:
    headers = {
        name: {"description": about, "required": True, "schema": {"type": "string"}}
        for name, about in endpoint.headers.items()
    }
    content = {endpoint.media_type: _content(endpoint, models), **{kind: {} for kind in endpoint.other_media_types}}
    return {"description": endpoint.summary, "content": content, **({"headers": headers} if headers else {})}


def _part(endpoint: Endpoint) -> Json:
    about = "Which bytes these are, and of how many."
    headers = {"Content-Range": {"description": about, "required": True, "schema": {"type": "string"}}}
    return {"description": "The part that Range asks for.", "content": {endpoint.media_type: {}}, "headers": headers}


def _content(endpoint: Endpoint, models: Models) -> Json:
    """Describe the reply: a model, lines of it, an object of another standard, or bytes."""
    reply = None if endpoint.reply is None else models[endpoint.reply, "serialization"]
    if endpoint.media_type == NDJSON:
        return {"schema": {"type": "string", "description": "One object a line."}, "x-line-schema": reply}
    if endpoint.media_type == EVENTS and reply is not None:
        return {"x-line-schema": reply}
    if endpoint.media_type == JSON:
        return {"schema": reply or {"type": "object"}}
    return {}


def _problem(status: int, models: Models) -> Json:
    kinds = [kind for kind in (*KINDS.values(), FAULT) if kind.status == status]
    return {
        "description": "; or ".join(kind.title for kind in kinds),
        "x-problems": [kind.name for kind in kinds],
        "content": {PROBLEM_MEDIA_TYPE: {"schema": models[ProblemOut, "serialization"]}},
    }
