from __future__ import annotations

import pytest

from taproot.customer.v1.customer_service_pb2 import ListCustomersResponse
from taproot_gateway.transcoding.selection import InvalidSelection, compile_selection, select, take_fields

LIST = ListCustomersResponse.DESCRIPTOR


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("customers", {"customers": {}}),
        ("customers(id,display_name),next_page_token", {"customers": {"id": {}, "display_name": {}}, "next_page_token": {}}),
        ("customers.id,customers.displayName", {"customers": {"id": {}, "display_name": {}}}),
        ("customers.id, customers", {"customers": {}}),
        ("customers,customers.id", {"customers": {}}),
        ("customers(identifiers(value),custom.anything.deep)", {"customers": {"identifiers": {"value": {}}, "custom": {"anything": {"deep": {}}}}}),
    ],
)  # fmt: skip
def test_what_is_named(text: str, tree: object) -> None:
    assert compile_selection(LIST, text) == tree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "has no field nope"),
        ("customers(nope)", "Customer has no field nope"),
        ("customers.id.more", "no record"),
        ("customers(id", "lacks a )"),
        ("customers)", "cannot be read from"),
        ("customers,", "lacks a name"),
        ("customers id", "cannot be read from"),
        ("custom$", "cannot be read"),
        ("customers" + "(id)" * 9, "cannot be read from"),
        ("customers(" * 40 + ")" * 40, "has no field"),
        ("x" * 3000, "at most"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidSelection, match=said.replace(")", r"\)")):
        compile_selection(LIST, text)


def test_the_parameter_leaves_the_query() -> None:
    assert take_fields("page_size=2&fields=a%28b%29&filter=x&fields=c") == ("a(b),c", "page_size=2&filter=x")


def test_picking() -> None:
    value = {"customers": [{"id": 1, "note": "x"}, {"note": "y"}], "next_page_token": "t"}
    assert select(value, {"customers": {"id": {}}}) == {"customers": [{"id": 1}, {}]}
