from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_marketing.loyalty.rules import Tier, book, lifetime_after, points_for, tier_of


@pytest.mark.parametrize(("amount", "points"), [("99.99", 9), ("100", 10), ("9.99", 0), ("-50", 0), ("0", 0)])
def test_one_point_for_every_ten(amount: str, points: int) -> None:
    assert points_for(Decimal(amount), Decimal(10)) == points


@given(st.decimals(0, 10**9, places=2), st.decimals(Decimal("0.01"), 1000, places=2))
def test_points_never_exceed_the_money(amount: Decimal, per_point: Decimal) -> None:
    points = points_for(amount, per_point)
    assert points * per_point <= amount < (points + 1) * per_point


def test_the_highest_tier_reached() -> None:
    tiers = [Tier("gold", 1000), Tier("silver", 100)]
    assert [tier_of(points, tiers) for points in (0, 99, 100, 999, 1000)] == [
        "",
        "",
        "silver",
        "silver",
        "gold",
    ]


@given(st.sampled_from(["earn", "redeem", "adjust"]), st.integers(-(10**9), 10**9))
def test_both_sides_of_a_movement_add_up_to_zero(kind: str, points: int) -> None:
    account, program = uuid4(), uuid4()
    mine, theirs = book(account, program, kind, points)
    assert mine.points + theirs.points == 0
    assert mine.book != theirs.book


def test_spending_keeps_the_lifetime() -> None:
    assert lifetime_after(100, "redeem", -60) == 100
    assert lifetime_after(100, "earn", 60) == 160
    assert lifetime_after(100, "adjust", -160) == 0
