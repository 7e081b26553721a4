from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_marketing.scores.rules import Fading, Score, cools_at, faded, scored, worth

START = datetime(2026, 1, 1, tzinfo=UTC)
FADING = Fading(half_life_days=30, hot_threshold=100)


def test_half_after_the_half_life() -> None:
    assert worth(Score(80, START), FADING, START + timedelta(days=30)) == pytest.approx(40)


def test_hot_on_crossing_and_cool_after_fading() -> None:
    warm = scored(Score(0, START), 60, FADING, START)
    hot = scored(warm, 60, FADING, START + timedelta(days=1))
    assert (warm.hot, hot.hot) == (False, True)
    at = cools_at(hot, FADING)
    assert at is not None
    assert faded(hot, FADING, at - timedelta(minutes=1)).hot
    assert not faded(hot, FADING, at + timedelta(minutes=1)).hot


@given(st.lists(st.tuples(st.integers(-500, 500), st.integers(0, 400)), max_size=20), st.integers(1, 200))
def test_one_number_equals_the_sum_of_faded_points_when_none_are_taken(
    steps: list[tuple[int, int]], half_life: int
) -> None:
    fading, now, score, given_points = Fading(half_life, 100), START, Score(0, START), []
    for points, days in steps:
        now += timedelta(days=days)
        score = scored(score, abs(points), fading, now)
        given_points.append((abs(points), now))
    expected = sum(points * 0.5 ** ((now - at) / timedelta(days=half_life)) for points, at in given_points)
    assert worth(score, fading, now) == pytest.approx(expected)
    assert score.value >= 0


@given(st.floats(0, 1e5), st.integers(0, 3650))
def test_fading_never_grows_or_heats(value: float, days: int) -> None:
    before = Score(value, START, hot=value >= FADING.hot_threshold)
    after = faded(before, FADING, START + timedelta(days=days))
    assert after.value <= before.value
    assert not (after.hot and not before.hot)
