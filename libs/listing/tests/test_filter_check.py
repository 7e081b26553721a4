from __future__ import annotations

import pytest
from listing_samples import ITEMS, NOW, items

from taproot_listing.errors import InvalidFilter, ListingError
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_predicate import Predicate


def problems(text: str, masked: frozenset[str] = frozenset()) -> list[str]:
    with pytest.raises(InvalidFilter) as caught:
        check_filter(ITEMS, text, masked)
    assert isinstance(caught.value, ListingError)
    assert {violation.field for violation in caught.value.violations} == {"filter"}
    return [violation.description for violation in caught.value.violations]


class TestViolations:
    def test_all_at_once_each_once(self) -> None:
        found = problems("nope=1 OR amount=x AND NOT (nope=2 AND state=GONE) born>now() small<now()")
        assert found == [
            "unknown field 'nope'",
            "field 'amount' wants a decimal number such as 12.50, not 'x'",
            "field 'state' wants one of DONE, ON_HOLD, OPEN, not 'GONE'",
            "field 'small' cannot be compared with now()",
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "amount = 1e5",
            "amount = NaN",
            "amount = Infinity",
            "amount = ٣",
            "amount = 5*",
            "quantity = 1.5",
            "quantity = 9223372036854775808",
            "active = yes",
            "active > true",
            "seen > 2024-01-01T00:00:00",
            "seen > 2024-01-01T00:00:00.0000001Z",
            "seen > 2024-02-30T00:00:00Z",
            "seen > 0001-01-01T00:00:00+14:00",
            "seen > 9999-12-31T23:59:59-14:00",
            "born = 2024-02-30",
            "born = 20240229",
            "state < OPEN",
            "state = UNSPECIFIED",
            "owner = 5",
            "owner < 00000000-0000-0000-0000-000000000000",
            "tags = x",
            "tags:x*",
            "custom = x",
            "custom.unknown = x",
            "custom.Note = x",
            "custom.score = x",
            "name < x*",
            "name = now()",
        ],
    )
    def test_refused(self, text: str) -> None:
        (problem,) = problems(text)
        assert f"'{text.split(maxsplit=1)[0].split(':', maxsplit=1)[0]}'" in problem

    @pytest.mark.parametrize(
        "text",
        [
            "quantity = -9223372036854775808",
            "amount = +12.50",
            "seen > 2024-01-01T00:00:00.000001000+08:00",
            "seen > 2024-01-01",
            "seen > 9999-12-31T23:59:59.999999Z",
            "active = TRUE",
            "name = null",
            'name = "null"',
            "custom:*",
        ],
    )
    def test_accepted(self, text: str) -> None:
        assert check_filter(ITEMS, text).root is not None


class TestMasks:
    @pytest.mark.parametrize("masked", ["amount", "financial", "items.amount"])
    def test_a_masked_field_is_named(self, masked: str) -> None:
        assert problems("amount > 1 name=x", frozenset({masked})) == ["field 'amount' is masked for you"]

    @pytest.mark.parametrize("masked", ["custom", "custom.note", "items.custom"])
    def test_members_are_masked_with_their_root(self, masked: str) -> None:
        assert problems("NOT custom.note:*", frozenset({masked})) == ["field 'custom.note' is masked for you"]

    def test_other_masks_do_not_matter(self) -> None:
        assert check_filter(ITEMS, "amount > 1", frozenset({"personal", "other.amount"})).root is not None


class TestResource:
    def test_untyped_members_are_text(self) -> None:
        open_ended = ITEMS.with_fields(Field("custom", items.c.custom, FieldType.JSON))
        assert check_filter(open_ended, "custom.anything = 5").root is not None
        assert check_filter(ITEMS, "name = x").root is not None

    def test_a_map_names_enum_literals(self) -> None:
        field = Field("state", items.c.state, FieldType.ENUM, enum={"Live": "open"})
        resource = Resource("items", (field,), "state", items.c.id)
        assert check_filter(resource, "state = LIVE").root is not None

    def test_a_search_field_wants_all_terms_of_the_literal(self) -> None:
        words = Field("words", items.c.tags, FieldType.TEXT, repeated=True, terms=str.split)
        found = Predicate(check_filter(ITEMS.with_fields(words), 'words:"b a"'))
        assert found({"words": ["a", "b", "c"]}, NOW)
        assert not found({"words": ["a", "c"]}, NOW)
        assert not found({}, NOW)

    def test_the_same_text_is_checked_once(self) -> None:
        assert check_filter(ITEMS, "name = once") is check_filter(ITEMS, "name = once")
        assert check_filter(ITEMS, "name = once") is not check_filter(ITEMS, "name = once", frozenset({"x"}))
