"""What a survey score means. Pure."""

from __future__ import annotations

from decimal import Decimal

RANGES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), "questionnaire": (0, 0)}
DEFAULT_LOW = {"csat": 2, "nps": 6, "ces": 3, "questionnaire": -1}
TOP = Decimal(5)


def has_score(kind: str) -> bool:
    low, high = RANGES[kind]
    return high > low


def in_range(kind: str, score: int) -> bool:
    low, high = RANGES[kind]
    return low <= score <= high


def is_low(kind: str, score: int, low_score: int | None) -> bool:
    """True from the threshold down; `low_score` None is the kind's own, -1 is never."""
    threshold = DEFAULT_LOW[kind] if low_score is None else low_score
    return has_score(kind) and score <= threshold


def out_of_five(kind: str, score: int) -> Decimal:
    """The score on a scale from 0 to 5, so that surveys of any kind rate alike. A CSAT stays as it is."""
    if kind == "csat":
        return Decimal(score)
    low, high = RANGES[kind]
    return TOP * (score - low) / (high - low)
