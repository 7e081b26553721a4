from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.orders.rules import LineProgress, OrderState, plan, problems, state_after

D = Decimal


def line(fulfilled: int, returned: int = 0, quantity: int = 10, line_id: str = "a") -> LineProgress:
    return LineProgress(line_id, D(quantity), D(fulfilled), D(returned))


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([line(0)], OrderState.CONFIRMED),
        ([line(3)], OrderState.PARTIALLY_FULFILLED),
        ([line(10), line(0)], OrderState.PARTIALLY_FULFILLED),
        ([line(10), line(10)], OrderState.FULFILLED),
        ([line(10, 1)], OrderState.PARTIALLY_RETURNED),
        ([line(5, 5)], OrderState.PARTIALLY_RETURNED),
        ([line(10, 10), line(10, 10)], OrderState.RETURNED),
    ],
)
def test_state_follows_from_the_lines(lines: list[LineProgress], state: OrderState) -> None:
    assert state_after(lines) is state


def test_nothing_named_means_all_that_is_left() -> None:
    assert plan({"a": D(2), "b": D(0)}, {}) == {"a": D(2)}


def test_more_than_left_and_unknown_lines_are_problems() -> None:
    found = problems({"a": D(2)}, {"a": D(3), "x": D(1)})
    assert [(problem.line_id, problem.left) for problem in found] == [("a", D(2)), ("x", None)]


@given(st.integers(1, 20), st.lists(st.integers(1, 5), max_size=12))
def test_accepted_deliveries_never_exceed_the_order(quantity: int, wanted: list[int]) -> None:
    done = D(0)
    for more in wanted:
        left = {"a": quantity - done}
        if not problems(left, {"a": D(more)}):
            done += more
    assert done <= quantity
