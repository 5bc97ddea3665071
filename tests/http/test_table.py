"""The two tables, of endpoints and of errors: whole, and without contradictions."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from api.errors import ChaffinchError, CommandError
from api.http.kinds import KINDS
from api.http.openapi import document
from mobile_schemas.endpoint import PATH_PARAMETER, Endpoint
from mobile_schemas.endpoints import ENDPOINTS


def every_error(base: type[ChaffinchError]) -> Iterable[type[ChaffinchError]]:
    for error in base.__subclasses__():
        yield error
        yield from every_error(error)


def test_every_foreseen_error_has_its_place_in_the_table() -> None:
    told = {error for error in every_error(ChaffinchError) if not issubclass(error, CommandError)}
    leaves = {error for error in told if not error.__subclasses__()}

    assert leaves == set(KINDS)


def test_every_kind_of_problem_has_a_name_of_its_own() -> None:
    names = [kind.name for kind in KINDS.values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_parameters_of_a_path_are_those_of_its_model(endpoint: Endpoint) -> None:
    known = set() if endpoint.parameters is None else set(endpoint.parameters.model_fields)

    assert set(PATH_PARAMETER.findall(endpoint.path)) == known


def test_no_two_endpoints_share_a_name_or_a_place() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_the_description_names_every_reference_it_makes() -> None:
    described = document(ENDPOINTS, "Chaffinch", "1")

    text = json.dumps(described)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}
    for reference in references:
        place: Any = described
        for step in reference.split("/"):
            place = place[step]
    assert references
