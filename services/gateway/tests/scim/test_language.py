"""Filters and PATCH without a database."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_gateway.scim.errors import InvalidFilter, ScimError
from taproot_gateway.scim.filters import Both, Compare, Either, Not, Within, fits, parse
from taproot_gateway.scim.patches import ENTERPRISE, apply

OPS = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class TestParse:
    def test_and_binds_tighter_than_or_and_brackets_tightest(self) -> None:
        a, b, c = (Compare(name, "pr") for name in "abc")
        assert parse("a pr or b pr and c pr") == Either((a, Both((b, c))))
        assert parse("(a pr or b pr) and c pr") == Both((Either((a, b)), c))
        assert parse("not (a pr) and b pr") == Both((Not(a), b))
        assert parse('emails[type eq "work" and value co "@x"]') == Within(
            "emails", Both((Compare("type", "eq", "work"), Compare("value", "co", "@x")))
        )

    def test_names_and_operators_in_any_case_and_with_their_schema(self) -> None:
        full = 'urn:ietf:params:scim:schemas:core:2.0:User:Name.FamilyName EQ "O\\"Neil"'
        assert parse(full) == Compare("name.familyname", "eq", 'O"Neil')
        assert parse("active eq True") == Compare("active", "eq", True)
        assert parse("x eq null or y gt 7") == Either((Compare("x", "eq", None), Compare("y", "gt", 7)))

    @pytest.mark.parametrize(
        "text",
        ["", "a", "a eq", "a xx 1", "a eq b", "(a pr", "a pr)", "a pr b pr", 'a eq "x', "a[b pr", "' or 1=1 --",
         "a eq {}", "(" * 100 + "a pr" + ")" * 100, "a pr and " * 2000 + "a pr"],
    )  # fmt: skip
    def test_what_cannot_be_read_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidFilter):
            parse(text)

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with suppress(InvalidFilter):
            parse(text)


USER: dict[str, Any] = {
    "userName": "Li.Na",
    "active": True,
    "emails": [{"value": "a@x.com", "type": "work"}, {"value": "b@y.com", "type": "home"}],
    "name": {"formatted": "李娜"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "LI.NA"', True), ('userName sw "li"', True), ('userName co "zz"', False), ("active eq true", True),
        ('emails[type eq "work" and value ew "y.com"]', False), ('emails[type eq "home" and value ew "y.com"]', True),
        ('emails.value eq "b@y.com"', True), ("not (name.formatted pr)", False), ("title pr", False),
        ('userName gt "a"', True), ("active gt 3", False),
    ],
)  # fmt: skip
def test_filters_over_json(text: str, expected: bool) -> None:
    assert fits(parse(text), USER) is expected


def patched(resource: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    return apply(resource, {"schemas": [OPS], "Operations": list(operations)})


class TestPatch:
    def test_simple_values(self) -> None:
        found = patched(
            {"title": "a", "displayName": "n"},
            {"op": "Replace", "path": "Title", "value": "b"},
            {"op": "remove", "path": "displayname"},
            {
                "op": "add",
                "value": {"userName": "x", f"{ENTERPRISE}:employeeNumber": "7", "name.givenName": "N"},
            },
        )
        assert found == {
            "title": "b",
            "userName": "x",
            ENTERPRISE: {"employeeNumber": "7"},
            "name": {"givenName": "N"},
        }

    def test_lists(self) -> None:
        one, two = {"value": "1"}, {"value": "2"}
        assert patched({"members": [one]}, {"op": "add", "path": "members", "value": [one, two]}) == {
            "members": [one, two]
        }
        assert patched({"members": [one, two]}, {"op": "remove", "path": 'members[value eq "1"]'}) == {
            "members": [two]
        }
        assert patched({"members": [one, two]}, {"op": "remove", "path": "members", "value": [one]}) == {
            "members": [two]
        }
        assert patched({"members": [one]}, {"op": "remove", "path": "members"}) == {"members": []}
        assert patched({"members": [one]}, {"op": "replace", "path": "members", "value": two}) == {
            "members": [two]
        }

    def test_values_of_a_list_by_filter(self) -> None:
        before = {"emails": [{"value": "a@x.com", "type": "work"}]}
        path = 'emails[type eq "work"].value'
        assert (
            patched(before, {"op": "replace", "path": path, "value": "b@x.com"})["emails"][0]["value"]
            == "b@x.com"
        )
        assert patched({}, {"op": "add", "path": path, "value": "c@x.com"}) == {
            "emails": [{"type": "work", "value": "c@x.com"}]
        }

    @pytest.mark.parametrize(
        ("operation", "scim_type"),
        [
            ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "x"}, "noTarget"),
            ({"op": "remove"}, "noTarget"),
            ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
            ({"op": "add", "path": "meta.version", "value": "x"}, "mutability"),
            ({"op": "add", "path": "a b c", "value": "x"}, "invalidPath"),
            ({"op": "move", "path": "title"}, "invalidSyntax"),
            ({"op": "add", "value": "x"}, "invalidValue"),
            ({"op": "add", "path": "emails[type xx 1]", "value": "x"}, "invalidFilter"),
        ],
    )
    def test_what_cannot_be_done_has_its_reason(self, operation: dict[str, Any], scim_type: str) -> None:
        with pytest.raises(ScimError) as refused:
            patched({"title": "t"}, operation)
        assert refused.value.scim_type == scim_type

    @pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": ["x"]}, {"Operations": "x"}])
    def test_a_body_without_operations_is_refused(self, body: dict[str, Any]) -> None:
        with pytest.raises(ScimError):
            apply({}, body)
