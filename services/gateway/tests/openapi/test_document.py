from __future__ import annotations

from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate

from taproot_gateway.openapi.document import document
from taproot_gateway.transcoding.contracts import Contracts
from taproot_gateway.transcoding.input import Decoders, Violations
from taproot_gateway.transcoding.routes import Router


@pytest.fixture(scope="module")
def described(loaded: Contracts, router: Router) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(document(loaded, router.routes, "1.0.0")))
    return found


def operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in described["paths"].values() for operation in item.values()]


def test_the_document_is_valid_openapi(described: dict[str, Any]) -> None:
    validate(described)


def test_every_route_is_in_it(described: dict[str, Any], router: Router) -> None:
    assert len(operations(described)) == len(router.routes) + 1  # and the live events, which are no RPC


def test_every_operation_says_what_it_does_and_who_may(described: dict[str, Any]) -> None:
    for operation in operations(described):
        assert operation["summary"], operation["operationId"]
        assert operation["x-permission"]


def test_every_operation_says_how_it_fails(described: dict[str, Any]) -> None:
    for operation in operations(described):
        assert {"400", "401", "429", "503", "default"} <= set(operation["responses"]), operation[
            "operationId"
        ]
    for answer in described["components"]["responses"].values():
        assert set(answer["content"]) == {"application/problem+json"}


def test_many_records_are_read_at_once_where_one_is(described: dict[str, Any]) -> None:
    batch = described["paths"]["/v1/customers:batchGet"]["get"]
    assert batch["operationId"] == "CustomersService_BatchGetCustomer"
    assert [one["name"] for one in batch["parameters"]] == ["ids", "If-None-Match", "fields"]
    assert set(batch["responses"]["200"]["content"]["application/json"]["schema"]["properties"]) == {
        "customers",
        "missing",
    }


def test_lists_that_views_are_kept_for_say_so_and_no_others(described: dict[str, Any]) -> None:
    def names(path: str) -> set[str]:
        return {one["name"] for one in described["paths"][path]["get"]["parameters"]}

    for path in ("/v1/customers", "/v1/customers:aggregate", "/v1/tickets", "/v1/leads"):
        assert "view" in names(path), path
    for path in ("/v1/customers/{id}", "/v1/customers:batchGet", "/v1/users", "/v1/sessions"):
        assert "view" not in names(path), path


def test_no_two_paths_differ_only_in_the_names_of_variables(described: dict[str, Any]) -> None:
    import re

    shapes = [re.sub(r"\{[^}]+\}", "{}", path) for path in described["paths"]]
    assert len(shapes) == len(set(shapes))


def test_the_examples_are_read_by_the_gateway(
    loaded: Contracts, router: Router, described: dict[str, Any]
) -> None:
    """Whoever sends an example as it stands must not be told that it has the wrong shape."""
    decoders = Decoders()
    by_id = {f"{route.method.containing_service.name}_{route.method.name}": route for route in router.routes}
    for operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if not content:
            continue
        route = by_id[operation["operationId"]]
        field = route.builder.body_field
        descriptor = field.message_type if field is not None else route.method.input_type
        violations = Violations()
        decoders.decoder(descriptor)(content["example"], "", violations)
        assert violations.found == [], operation["operationId"]
