"""schemathesis, over the real application: what the document allows is taken, all else refused, and replies conform."""

from typing import Any

import schemathesis
from hypothesis import settings

from api.http.openapi import document
from mobile_schemas.endpoint import Access
from mobile_schemas.endpoints import ENDPOINTS
from tests.contract import formats
from tests.contract.campaign import Campaign

formats.declare()

Case = schemathesis.Case[Any]

ACCESS: dict[str, Access] = {endpoint.name: endpoint.access for endpoint in ENDPOINTS}
api = schemathesis.openapi.from_dict(document(ENDPOINTS, "Chaffinch", "test")).exclude(
    operation_id=[
        "stream_events",  # it never ends: tests/e2e/test_events.py reads it
        "close_session",  # the session of all other tests would end: the journey closes one of its own
    ]
)
api.config.checks.positive_data_acceptance.expected_statuses.append("410")  # what a retired workflow answers


def access(case: Case) -> Access:
    return ACCESS[case.operation.definition.raw["operationId"]]


@api.parametrize()
@settings(max_examples=40, deadline=None)
def test_the_service_keeps_its_contract(case: Case, campaign: Campaign) -> None:
    case.call_and_validate(base_url=campaign.url, headers=campaign.headers(access(case)))


def test_the_service_keeps_its_contract_from_call_to_call(campaign: Campaign) -> None:
    api.config.update(base_url=campaign.url)

    class Conversation(api.as_state_machine()):  # type: ignore[misc]  # schemathesis makes the class
        def get_call_kwargs(self, case: Case) -> dict[str, object]:
            return {"headers": campaign.headers(access(case))}

    Conversation.run(settings=settings(max_examples=20, stateful_step_count=6, deadline=None))
