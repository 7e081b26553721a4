"""How a station does: its rating, and whether it fails. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

LOW_RATING = Decimal("2.5")
LEAST_SCORES = 5
RECENT_OFFERS = 10
MOST_PASSED = 3
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Rating:
    """Sum and count of scores from 0 to 5."""

    total: Decimal = Decimal()
    count: int = 0

    def with_score(self, score: Decimal) -> Rating:
        return Rating(self.total + score, self.count + 1)

    @property
    def mean(self) -> Decimal | None:
        if self.count == 0:
            return None
        return (self.total / self.count).quantize(CENT, ROUND_HALF_EVEN)


def failing(rating: Rating, recent_passed: Sequence[bool]) -> str:
    """Why the station fails, or empty. `recent_passed`: newest offers first, True where it let one pass."""
    mean = rating.mean
    if mean is not None and rating.count >= LEAST_SCORES and mean < LOW_RATING:
        return f"rated {mean} over {rating.count} surveys"
    passed = sum(recent_passed[:RECENT_OFFERS])
    if passed >= MOST_PASSED:
        return f"let {passed} of its last {min(len(recent_passed), RECENT_OFFERS)} offers pass"
    return ""
