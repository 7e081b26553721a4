from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.invoices.rules import (
    OpenItem,
    Part,
    ageing,
    bucket,
    due_on,
    oldest_first,
    over_allocated,
    state_of,
)

D = Decimal
DAY = date(2026, 3, 31)
MONEY = st.decimals(min_value=0, max_value=10**6, places=2)
ITEMS = st.lists(
    st.builds(OpenItem, st.uuids().map(str), st.dates(date(2020, 1, 1), date(2030, 1, 1)), MONEY),
    max_size=10,
    unique_by=lambda item: item.invoice_id,
)


@given(MONEY, ITEMS)
def test_oldest_first_uses_what_it_can_and_never_more(amount: Decimal, items: list[OpenItem]) -> None:
    parts = oldest_first(amount, items)
    assert sum((part.amount for part in parts), D(0)) == min(
        amount, sum((item.open_amount for item in items), D(0))
    )
    assert not over_allocated(amount, parts, items)


@given(MONEY, ITEMS)
def test_a_later_invoice_gets_nothing_while_an_earlier_is_open(
    amount: Decimal, items: list[OpenItem]
) -> None:
    paid = {part.invoice_id: part.amount for part in oldest_first(amount, items)}
    ordered = sorted(items, key=lambda item: (item.due_date, item.invoice_id))
    still_open = [item.open_amount - paid.get(item.invoice_id, D(0)) > 0 for item in ordered]
    first_open = still_open.index(True) if True in still_open else len(ordered)
    assert all(item.invoice_id not in paid for item in ordered[first_open + 1 :])


@given(ITEMS, st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_ageing_adds_up(items: list[OpenItem], as_of: date) -> None:
    assert ageing(items, as_of).total == sum((item.open_amount for item in items), D(0))


def test_too_much_is_told_with_what_is_open() -> None:
    items = [OpenItem("a", DAY, D(10))]
    assert over_allocated(D(5), [Part("a", D(6)), Part("a", D(6)), Part("b", D(1))], items) == {
        "a": D(10),
        "b": D(0),
        "": D(5),
    }


def test_buckets_begin_the_day_after() -> None:
    late = [bucket(DAY - timedelta(days=days), DAY) for days in (0, 1, 30, 31, 60, 61, 90, 91)]
    assert late == [
        "current",
        "days_1_to_30",
        "days_1_to_30",
        "days_31_to_60",
        "days_31_to_60",
        "days_61_to_90",
        "days_61_to_90",
        "days_over_90",
    ]


def test_states_and_due_date() -> None:
    assert [state_of(D(10), D(left)) for left in (10, 3, 0)] == ["open", "partly_paid", "paid"]
    assert due_on(DAY, 30) == date(2026, 4, 30)
