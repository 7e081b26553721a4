"""Values against definitions, without a database."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_custom import patterns
from taproot_custom.specs import TYPES, Option, Spec
from taproot_custom.values import from_text, stored_value

OPTIONS = (Option("gold", {"en": "Gold", "zh-CN": "金卡"}), Option("silver", {}))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def spec(kind: str, **values: object) -> Spec:
    return Spec("job", "key", kind, options=OPTIONS, reference_type="job", **values)  # type: ignore[arg-type]


@given(kind=st.sampled_from(sorted(TYPES)), value=anything, scale=st.integers(0, 6))
def test_whatever_comes_is_stored_in_one_form_or_refused(kind: str, value: object, scale: int) -> None:
    one = spec(kind, scale=scale)
    try:
        stored = stored_value(one, value)
    except ValueError:  # refused; anything else is a defect
        return
    assert stored_value(one, stored) == stored


@pytest.mark.parametrize(
    ("kind", "text", "stored"),
    [
        ("boolean", "是", True),
        ("boolean", "No", False),
        ("enum", "金卡", "gold"),
        ("enum", "SILVER", "silver"),
        ("multi_enum", "金卡, silver", ["gold", "silver"]),
        ("money", "12.5 CNY", {"currency_code": "CNY", "amount": "12.50"}),
        ("decimal", "-0", "0.00"),
        ("integer", "007", "7"),
        ("instant", "2026-02-28T00:30:00+08:00", "2026-02-27T16:30:00Z"),
    ],
)
def test_texts_of_cells(kind: str, text: str, stored: object) -> None:
    assert from_text(spec(kind, scale=2), text) == stored


@pytest.mark.parametrize(
    "pattern", ["(a)", "(?=x)", "a{2}{3}", "[a-", "\\1", "a**", "*a", "a?b?c?d?", "a{1,2}b+c*d?", "[z-a]"]
)
def test_patterns_that_are_not_taken(pattern: str) -> None:
    assert patterns.problem(pattern)


@pytest.mark.parametrize("pattern", ["", "[A-Z]{3}-[0-9]+", "a|b", r"\d{4}", "[^\\]]*", "鲁[A-Z]\\.?"])
def test_patterns_that_are_taken(pattern: str) -> None:
    assert patterns.problem(pattern) == ""


def test_the_worst_pattern_taken_ends_soon() -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError, match="does not match"):
        stored_value(spec("text", pattern="a*a*a*b"), "a" * 500)
    assert time.perf_counter() - started < 20
