from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from taproot_servicedesk.stations.rating import Rating, failing


def rated(*scores: int) -> Rating:
    rating = Rating()
    for score in scores:
        rating = rating.with_score(Decimal(score))
    return rating


def test_mean_has_two_decimals() -> None:
    assert rated(5, 4, 4).mean == Decimal("4.33")
    assert rated().mean is None


def test_a_low_rating_needs_five_scores_to_fail() -> None:
    assert failing(rated(1, 1, 1, 1), []) == ""
    assert failing(rated(1, 1, 1, 1, 1), []) == "rated 1.00 over 5 surveys"


def test_three_of_the_last_ten_offers_let_pass_fail() -> None:
    assert failing(rated(), [True, True, False]) == ""
    assert failing(rated(), [True, False, True, True]) == "let 3 of its last 4 offers pass"
    assert failing(rated(), [False] * 10 + [True] * 5) == ""


@given(st.lists(st.integers(0, 5), min_size=1))
def test_the_mean_stays_in_range(scores: list[int]) -> None:
    mean = rated(*scores).mean
    assert mean is not None
    assert min(scores) <= mean <= max(scores)
