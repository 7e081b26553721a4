from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.pricing.proration import amount_of_step

MONEY = st.decimals(min_value=0, max_value=10**9, places=2)
STEPS = st.lists(st.decimals(min_value=Decimal("0.0001"), max_value=1000, places=4), min_size=1, max_size=10)


@given(MONEY, STEPS)
def test_steps_add_up_to_the_amount(amount: Decimal, steps: list[Decimal]) -> None:
    whole, done, total = sum(steps, Decimal(0)), Decimal(0), Decimal(0)
    for step in steps:
        part = amount_of_step(amount, whole, done, step, "CNY")
        assert part >= 0
        total, done = total + part, done + step
    assert total == amount


@given(MONEY, STEPS, st.data())
def test_credit_never_exceeds_what_was_charged(
    amount: Decimal, steps: list[Decimal], data: st.DataObject
) -> None:
    whole = sum(steps, Decimal(0))
    delivered = sum(steps[: data.draw(st.integers(0, len(steps)))], Decimal(0))
    back = data.draw(st.decimals(min_value=0, max_value=delivered, places=4))
    charged = amount_of_step(amount, whole, Decimal(0), delivered, "CNY")
    assert amount_of_step(amount, whole, Decimal(0), back, "CNY") <= charged
