"""Whatever is wrong with a request is told at once, whether it was found while reading or by the contract."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.input import MAX_VIOLATIONS, Violation
from taproot_gateway.transcoding.requests import HttpRequest, Invalid
from taproot_gateway.transcoding.routes import Route, Router

WRONG = (None, {}, [], [[]], [{}, None, "x"], "", "x", -1, 1.5, True, {"x": {"y": 1}})


def violated(router: Router, body: Any, path: str = "/v1/customers") -> list[str]:
    found = router.find("POST", path)
    assert found is not None
    with pytest.raises(Invalid) as error:
        found[0].builder.build(HttpRequest(found[1], body=orjson.dumps(body)))
    return [each.field for each in error.value.violations]


def body_of(descriptor: Descriptor, draw: Any, depth: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=4)) if descriptor.fields else []
    return {field.name: value_of(field, draw, depth) for field in names}


def value_of(field: FieldDescriptor, draw: Any, depth: int) -> Any:
    """Of the right shape now and then, so that what is wrong stands deep inside."""
    if field.message_type is None or depth > 4 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(WRONG))
    if is_map(field):
        return {"a": value_of(field.message_type.fields_by_name["value"], draw, depth + 1)}
    inner = body_of(field.message_type, draw, depth + 1)
    return [inner, draw(st.sampled_from(WRONG)), inner] if field.is_repeated else inner


class TestAllAtOnce:
    def test_unreadable_and_forbidden_fields_are_told_together(self, router: Router) -> None:
        body = {"kind": "X", "value_class": "Q", "identifiers": [{"kind": "IDENTIFIER_KIND_PHONE"}]}
        assert set(violated(router, body)) == {
            "customer.kind", "customer.value_class", "customer.identifiers[0].value"
        }  # fmt: skip

    def test_an_unreadable_field_is_told_once(self, router: Router) -> None:
        body = {"identifiers": [{"kind": "NOPE", "value": "1"}, 7, {"kind": "PHONE", "value": 5}]}
        assert violated(router, body) == [
            "customer.identifiers[0].kind",
            "customer.identifiers[1]",
            "customer.identifiers[2].value",
        ]

    def test_fields_behind_an_unreadable_one_keep_their_place(self, router: Router) -> None:
        body = {"identifiers": [None, {"kind": "PHONE", "value": ""}]}
        assert violated(router, body) == ["customer.identifiers[0]", "customer.identifiers[1].value"]

    def test_a_body_of_another_shape_is_told_alone(self, router: Router) -> None:
        assert violated(router, []) == ["customer"]
        assert violated(router, [], "/v1/sessions") == [""]

    def test_there_is_an_end(self, router: Router) -> None:
        items = [{"kind": "NOPE", "value": "1"}] * 150 + [{"kind": "PHONE", "value": ""}]
        assert len(violated(router, {"identifiers": items, "value_class": "Q"})) == MAX_VIOLATIONS


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_body_is_either_a_request_or_refused_with_reasons(router: Router, data: st.DataObject) -> None:
    routes = [route for route in router.routes if route.rule.body and not route.builder.raw]
    route: Route = data.draw(st.sampled_from(routes), label="route")
    field = route.builder.body_field
    body = (
        value_of(field, data.draw, 0) if field is not None else body_of(route.method.input_type, data.draw, 0)
    )
    values = dict.fromkeys(_variables(route), "x")
    assert all(each.description for each in violations_in(route, values, body))


def violations_in(route: Route, values: dict[str, str], body: Any) -> list[Violation]:
    try:
        route.builder.build(HttpRequest(values, body=orjson.dumps(body)))
    except Invalid as error:
        return error.violations
    return []


def _variables(route: Route) -> list[str]:
    return [".".join(path) for path, _ in route.builder._variables]
