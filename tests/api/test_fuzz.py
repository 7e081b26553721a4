"""Every operation of the OpenAPI document, called with what fits it: nothing breaks, nothing answers out of its schema."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from taproot_local.suite import running_suite

pytestmark = pytest.mark.slow
EXAMPLES = 2
SECONDS = 30.0
LEFT_OUT = {
    "Events_Subscribe",  # has no end
    "SessionsService_RevokeSession",  # could end the test's own session
}
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def described() -> Iterator[tuple[Any, dict[str, str]]]:
    """A suite of its own: what is made here would be in the way of other tests."""
    with running_suite() as suite:
        password = (suite.home / "admin-password").read_text().strip()
        with httpx.Client(base_url=suite.url, timeout=SECONDS) as client:
            answer = client.post("/v1/sessions", json={"user_name": "admin", "password": password})
            assert answer.status_code == 200, answer.text
            document = client.get("/openapi.json").json()
        config = SchemathesisConfig.from_dict({"generation": {"mode": "positive"}})
        schema = schemathesis.openapi.from_dict(document, config=config)
        schema.config.update(base_url=suite.url)
        yield schema, {"authorization": f"Bearer {answer.json()['token']}"}


def test_every_operation(described: tuple[Any, dict[str, str]]) -> None:
    schema, headers = described
    wrong: dict[str, str] = {}
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        if name in LEFT_OUT:
            continue
        count += 1
        try:
            _call(operation, headers)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all of them are told, not only the first
            wrong[name] = str(error)[:1500]
    assert count > 300
    assert not wrong, "\n\n".join(f"{name}: {said}" for name, said in wrong.items())


def _call(operation: Any, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def run(case: Any) -> None:
        own = headers | {"idempotency-key": str(uuid.uuid4())}
        response = case.call(headers=own, timeout=SECONDS)
        case.validate_response(response, checks=CHECKS, headers=own)

    run()
