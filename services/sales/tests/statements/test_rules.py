from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.statements.rules import run_balance

MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(MONEY, st.lists(MONEY))
def test_closing_is_opening_plus_entries(opening: Decimal, amounts: list[Decimal]) -> None:
    balances = run_balance(opening, amounts)
    assert balances.closing == opening + balances.debit - balances.credit == opening + sum(amounts)
    assert list(balances.running[-1:]) == ([balances.closing] if amounts else [])


@given(MONEY, st.lists(MONEY), st.data())
def test_periods_join_without_a_seam(opening: Decimal, amounts: list[Decimal], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(amounts)))
    first = run_balance(opening, amounts[:cut])
    second = run_balance(first.closing, amounts[cut:])
    whole = run_balance(opening, amounts)
    assert [*first.running, *second.running] == list(whole.running)
