"""How interest fades: a score is worth half after each half-life, so one number and its time are enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Fading:
    """The enterprise's settings. Any two scores decay alike, so their order never changes by itself."""

    half_life_days: int = 30
    hot_threshold: int = 100


@dataclass(frozen=True, slots=True)
class Score:
    """Points as they were worth at `as_of`."""

    value: float
    as_of: datetime
    hot: bool = False


def worth(score: Score, fading: Fading, now: datetime) -> float:
    """Value at `now`: value * 0.5 ** (age / half-life). A clock that runs backwards adds nothing."""
    age = max(now - score.as_of, timedelta(0))
    return float(score.value * 0.5 ** (age / timedelta(days=fading.half_life_days)))


def faded(score: Score, fading: Fading, now: datetime) -> Score:
    """The score at `now`; no longer hot once it is below the threshold."""
    value = worth(score, fading, now)
    return Score(value, max(now, score.as_of), score.hot and value >= fading.hot_threshold)


def scored(score: Score, points: float, fading: Fading, now: datetime) -> Score:
    """The score after points were given; never below zero."""
    before = faded(score, fading, now)
    value = max(before.value + points, 0.0)
    return Score(value, before.as_of, value >= fading.hot_threshold)


def cools_at(score: Score, fading: Fading) -> datetime | None:
    """When a hot score falls to the threshold by itself."""
    if not score.hot or score.value <= fading.hot_threshold:
        return score.as_of if score.hot else None
    from math import log2

    return score.as_of + timedelta(days=fading.half_life_days) * log2(score.value / fading.hot_threshold)
