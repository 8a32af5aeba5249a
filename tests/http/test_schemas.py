"""The HTTP API against its own description.

Whatever is sent, the answer is one that is described, and never a fault.
"""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from fakes import ServiceWith
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served import GRAIN, SAID, serving

EXAMPLES = int(os.environ.get("RAG_SCHEMA_EXAMPLES", "8"))  # requests a route


@pytest.fixture
def url(service_with: ServiceWith) -> Iterator[str]:
    with serving(service_with({"grain": GRAIN}, *[SAID] * 10_000), metrics=True) as url:
        yield url


def test_every_request_has_an_answer_that_is_described(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json")
    sent = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            nonlocal sent
            sent += 1
            # A question without a letter is of the right shape, and refused all the same.
            case.call_and_validate(timeout=30, excluded_checks=[positive_data_acceptance])

        send()
    assert sent >= 10 * EXAMPLES
