"""The rules of the analyses: what holds whatever the customers bought."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.analysis.affinity import affinity
from taproot_customer.analysis.cohorts import Cohorts
from taproot_customer.analysis.concentration import abc
from taproot_customer.analysis.figures import Buyer, groups_of
from taproot_customer.analysis.funnel import Funnel
from taproot_customer.analysis.rfm import GROUPS, RfmCuts, group_name, rfm, scores
from taproot_customer.loyalty.rules import DEFAULT_CLASSES, class_of, faults

DAY = dt.date(2026, 6, 30)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
AMOUNTS = st.decimals(-1000, 100_000, places=2)


@st.composite
def buyers(draw: st.DrawFn) -> list[Buyer]:
    rows = draw(
        st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700), st.integers(1, 9), AMOUNTS), min_size=1)
    )
    return [
        Buyer(
            uuid.UUID(int=number),
            DAY - dt.timedelta(days=max(a, b)),
            DAY - dt.timedelta(days=min(a, b)),
            count,
            amount,
        )
        for number, (a, b, count, amount) in enumerate(rows)
    ]


class TestRfm:
    @given(buyers(), st.randoms(use_true_random=False))
    def test_everybody_is_in_one_group_whatever_the_order(self, found: list[Buyer], shuffle: random.Random):
        made = rfm(found, DAY, RfmCuts())
        assert {score.group for score in made} <= set(GROUPS)
        groups = groups_of(made)
        assert sum(cell.customer_count for cell in groups) == len(found)
        assert sum(cell.amount or 0 for cell in groups) == sum(buyer.amount for buyer in found)
        mixed = list(found)
        shuffle.shuffle(mixed)
        assert {s.buyer.id: s for s in rfm(mixed, DAY, RfmCuts())} == {s.buyer.id: s for s in made}

    @given(st.lists(st.integers(0, 20), min_size=1))
    def test_more_never_scores_less_and_equals_score_alike(self, figures: list[int]):
        made = sorted(zip(figures, scores(figures), strict=True))
        assert all(one[1] <= other[1] for one, other in pairwise(made))
        assert len(set(made)) == len(set(figures))
        assert made[0][1] == 1
        assert all(1 <= score <= 5 for _, score in made)

    def test_quintiles_of_different_figures_are_of_equal_size(self):
        assert scores(range(10)) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]

    def test_a_figure_on_a_cut_belongs_to_the_better_side(self):
        assert scores([9, 10, 20, 30, 40], (10, 20, 30, 40)) == [1, 2, 3, 4, 5]
        cuts = RfmCuts(recency_days=(30, 60, 90, 365))
        seen = [
            Buyer(uuid.uuid4(), DAY, DAY - dt.timedelta(days=n), 1, Decimal(1))
            for n in (0, 30, 31, 90, 365, 366)
        ]
        assert [score.recency_score for score in rfm(seen, DAY, cuts)] == [5, 5, 4, 3, 2, 1]

    def test_all_pairs_of_scores_have_a_name(self):
        names = {group_name(r, f) for r in range(1, 6) for f in range(1, 6)}
        assert names == set(GROUPS)
        assert len(GROUPS) == 10


class TestAbc:
    @given(buyers())
    def test_shares_add_up_to_one_and_classes_follow_each_other(self, found: list[Buyer]):
        made = abc(found, DAY, Decimal("0.8"), Decimal("0.95"))
        assert {score.buyer.id for score in made} == {buyer.id for buyer in found}
        assert "".join(score.group for score in made) == "".join(sorted(score.group for score in made))
        if any(buyer.amount > 0 for buyer in found):
            assert sum(score.share or 0 for score in made) == 1
            assert made[0].group == "A"
        assert all(score.group == "C" for score in made if score.buyer.amount <= 0)

    def test_eighty_percent_of_the_money_is_a(self):
        found = [Buyer(uuid.UUID(int=n), DAY, DAY, 1, Decimal(a)) for n, a in enumerate((70, 10, 14, 6))]
        assert [(s.group, s.buyer.amount) for s in abc(found, DAY, Decimal("0.8"), Decimal("0.95"))] == [
            ("A", 70), ("A", 14), ("B", 10), ("B", 6),
        ]  # fmt: skip


class TestCohorts:
    @given(
        st.lists(
            st.dictionaries(st.integers(0, 30), st.tuples(st.integers(1, 5), AMOUNTS), min_size=1), min_size=1
        )
    )
    def test_cohorts_add_up(self, customers: list[dict[int, tuple[int, Decimal]]]):
        cohorts = Cohorts()
        for months in customers:
            cohorts.add(((2020 + n // 12, n % 12 + 1), orders, net) for n, (orders, net) in months.items())
        cells = cohorts.cells()
        first = [cell for cell in cells if cell.column == "0"]
        assert sum(cell.customer_count for cell in first) == len(customers)
        assert all(cell.share == 1 for cell in first)
        bought = [one for months in customers for one in months.values()]
        assert sum(cell.order_count for cell in cells) == sum(orders for orders, _ in bought)
        assert sum(cell.amount or 0 for cell in cells) == sum(net for _, net in bought)
        size = {cell.row: cell.customer_count for cell in first}
        assert all(cell.customer_count <= size[cell.row] for cell in cells)


class TestAffinity:
    @given(st.lists(st.frozensets(st.integers(0, 8).map(lambda n: uuid.UUID(int=n))), min_size=1))
    @settings(max_examples=60)
    def test_support_is_the_same_both_ways_and_as_counted_by_hand(self, baskets: list[frozenset[uuid.UUID]]):
        cells = {(cell.row, cell.column): cell for cell in affinity(baskets, 1, 1000)}
        for (one, other), cell in cells.items():
            back = cells[other, one]
            assert (cell.share, cell.lift, cell.order_count) == (back.share, back.lift, back.order_count)
            with_one = [basket for basket in baskets if uuid.UUID(one) in basket]
            both = [basket for basket in with_one if uuid.UUID(other) in basket]
            assert cell.order_count == len(both)
            assert cell.confidence == (Decimal(len(both)) / len(with_one)).quantize(Decimal("0.000001"))
        pairs = {(str(a), str(b)) for basket in baskets for a in basket for b in basket if a != b}
        assert cells.keys() == pairs

    def test_rare_pairs_are_left_out_and_the_most_frequent_come_first(self):
        a, b, c = (uuid.UUID(int=n) for n in range(3))
        baskets = [frozenset({a, b})] * 3 + [frozenset({b, c})] * 2 + [frozenset({a, c})]
        assert [cell.order_count for cell in affinity(baskets, 2, 10)] == [3, 3, 2, 2]
        assert len(affinity(baskets, 1, 1)) == 2


class TestFunnel:
    @given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc"))), st.integers(1, 300))
    def test_nobody_comes_to_a_step_but_by_the_one_before(self, told: list[tuple[int, str]], window: int):
        events = [(START + dt.timedelta(days=n), kind) for n, kind in told]
        any_time, soon = Funnel("abc", None), Funnel("abc", dt.timedelta(days=window))
        any_time.add(events)
        soon.add(events)
        for funnel in (any_time, soon):
            counts = [cell.customer_count for cell in funnel.cells()]
            assert counts == sorted(counts, reverse=True)
        pairs = zip(any_time.cells(), soon.cells(), strict=True)
        assert all(one.customer_count >= other.customer_count for one, other in pairs)

    def test_a_later_start_may_come_further_within_the_window(self):
        days = ((0, "a"), (100, "a"), (101, "b"), (102, "c"))
        events = [(START + dt.timedelta(days=n), kind) for n, kind in days]
        assert Funnel("abc", dt.timedelta(days=5)).depth(events) == 3
        assert Funnel("abc", dt.timedelta(days=1)).depth(events) == 2
        assert Funnel("cba", None).depth(events) == 1
        assert Funnel("xyz", None).depth(events) == 0


class TestLoyaltyClasses:
    def test_the_seven_classes_take_everybody(self):
        taken = {(v, n): class_of(DEFAULT_CLASSES, v, n) for v in range(1, 6) for n in range(1, 6)}
        assert set(taken.values()) == {str(one["code"]) for one in DEFAULT_CLASSES}
        assert len(DEFAULT_CLASSES) == 7
        assert (taken[5, 5], taken[5, 1], taken[1, 1]) == ("premier", "valuable_at_risk", "lapsed")
        assert class_of(DEFAULT_CLASSES[:1], 1, 1) == ""

    @pytest.mark.parametrize(
        ("changes", "path"),
        [({"most_value": 1}, "classes[0].most_value"), ({"most_loyalty": 1}, "classes[0].most_loyalty")],
    )
    def test_bounds_that_take_nobody_are_faults(self, changes: dict[str, int], path: str):
        assert [found for found, _ in faults([dict(DEFAULT_CLASSES[0]) | changes])] == [path]

    def test_so_are_no_classes_and_one_code_twice(self):
        assert [path for path, _ in faults([])] == ["classes"]
        assert [path for path, _ in faults([DEFAULT_CLASSES[0], DEFAULT_CLASSES[0]])] == ["classes[1].code"]
