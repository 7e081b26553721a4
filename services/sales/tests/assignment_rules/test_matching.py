from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.assignment_rules.matching import Rule, Wanted, fits, fitting_rules, least_loaded

USERS = tuple(UUID(int=n) for n in range(1, 6))
BRANCH = UUID(int=100)


def rule(**changes: object) -> Rule:
    values: dict[str, object] = {"id": UUID(int=50), "priority": 0, "branch_id": BRANCH, "user_ids": USERS}
    return Rule(**{**values, **changes})  # type: ignore[arg-type]  # keyword values are mixed on purpose


class TestFits:
    def test_an_empty_rule_fits_everything(self) -> None:
        assert fits(rule(), Wanted())

    def test_region_is_compared_without_case_and_width(self) -> None:
        assert fits(rule(regions=("华东", "East")), Wanted(region=" ＥＡＳＴ "))
        assert not fits(rule(regions=("east",)), Wanted(region="west"))
        assert not fits(rule(regions=("east",)), Wanted())

    def test_product_words_are_looked_for_in_the_interest(self) -> None:
        assert fits(rule(product_interests=("router",)), Wanted(product_interest="two Routers please"))
        assert not fits(rule(product_interests=("router",)), Wanted(product_interest="switch"))

    def test_products_of_the_catalogue(self) -> None:
        one, other = UUID(int=7), UUID(int=8)
        assert fits(rule(product_ids=(one,)), Wanted(product_id=one))
        assert not fits(rule(product_ids=(one,)), Wanted(product_id=other))

    def test_smaller_priority_first_then_the_older(self) -> None:
        late, early = rule(id=UUID(int=2), priority=5), rule(id=UUID(int=3), priority=1)
        same = rule(id=UUID(int=4), priority=1)
        assert fitting_rules([late, same, early], Wanted()) == [early, same, late]


class TestLeastLoaded:
    def test_first_named_on_a_tie(self) -> None:
        assert least_loaded(rule(), {}) == USERS[0]

    def test_nobody_when_all_are_full_or_away(self) -> None:
        full = dict.fromkeys(USERS, 3)
        assert least_loaded(rule(max_open_leads=3), full) is None
        assert least_loaded(rule(), {}, frozenset(USERS)) is None

    @given(st.lists(st.integers(0, 20), min_size=5, max_size=5), st.sets(st.sampled_from(USERS)))
    def test_nobody_available_has_fewer(self, loads: list[int], away: set[UUID]) -> None:
        load = dict(zip(USERS, loads, strict=True))
        chosen = least_loaded(rule(), load, frozenset(away))
        free = [user for user in USERS if user not in away]
        assert (chosen is None) == (not free)
        if chosen is not None:
            assert chosen in free
            assert load[chosen] == min(load[user] for user in free)

    @given(st.integers(1, 100))
    def test_a_stream_of_leads_is_spread_evenly(self, leads: int) -> None:
        load: dict[UUID, int] = {}
        for _ in range(leads):
            chosen = least_loaded(rule(), load)
            assert chosen is not None
            load[chosen] = load.get(chosen, 0) + 1
        assert max(load.values()) - min(load.get(user, 0) for user in USERS) <= 1
