"""Counting what is bought together, against a count by hand."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.analysis.figures import rate
from taproot_customer.cross_selling.counting import MOST_OFFERS, MOST_PRODUCTS, Tally

A, B, C = (UUID(int=number) for number in range(3))


def counted(baskets, least=1, pages=3):
    tally = Tally(least)
    for begin in range(pages):
        tally.count_products(baskets[begin::pages])
    tally.begin_pairs()
    for begin in range(pages):
        tally.count_pairs(baskets[begin::pages])
    return tally


@given(
    st.lists(st.frozensets(st.integers(0, 6).map(lambda n: UUID(int=n)), min_size=1), min_size=1),
    st.integers(1, 4),
)
@settings(max_examples=80)
def test_is_what_a_count_by_hand_gives(baskets, least):
    found = {(one.row, one.column): one for one in counted(baskets, least).offers()}
    wanted = {}
    products = frozenset().union(*baskets)
    for owned in products:
        for offered in products - {owned}:
            both = sum({owned, offered} <= basket for basket in baskets)
            first, second = (sum(one in basket for basket in baskets) for one in (owned, offered))
            if both >= least and both * len(baskets) > first * second:
                lift = rate(both * len(baskets), first * second)
                if lift > 1:
                    figures = (both, rate(both, len(baskets)), rate(both, first), lift)
                    wanted[str(owned), str(offered)] = figures
    assert {
        key: (one.order_count, one.share, one.confidence, one.lift) for key, one in found.items()
    } == wanted


def test_what_goes_with_everything_is_not_offered():
    assert counted([frozenset({A, B}), frozenset({A})]).offers() == []


def test_what_speaks_most_for_itself_comes_first_and_no_more_than_a_page_shows():
    many = [UUID(int=number) for number in range(10, 10 + 2 * MOST_OFFERS)]
    baskets = [frozenset({A, *many[: number + 1]}) for number in range(len(many))] + [frozenset({C})] * 9
    offers = [one for one in counted(baskets).offers() if one.row == str(A)]
    assert [one.column for one in offers] == [str(one) for one in many[:MOST_OFFERS]]
    assert offers[0].confidence == Decimal(1)


def test_who_buys_everything_does_not_count():
    everything = frozenset(UUID(int=number) for number in range(MOST_PRODUCTS + 1))
    tally = counted([everything, everything, frozenset({A, B}), frozenset({C})])
    assert tally.customers == 2
    assert {(one.row, one.column) for one in tally.offers()} == {(str(A), str(B)), (str(B), str(A))}
