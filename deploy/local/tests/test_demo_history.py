"""The history of the demo customers may be loaded at any time of any day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from taproot_local.demo.history import DAYS, History

DATES = [date(2026, 11, 23), date(2028, 2, 29), date(2027, 1, 1)]


@pytest.mark.parametrize("today", DATES, ids=str)
@pytest.mark.parametrize("kind", ["opportunity", "order", "ticket", "activity"])
def test_nothing_lies_in_the_future(kind: str, today: date) -> None:
    """Services refuse what has not happened yet."""
    history = History(today, {number: str(number) for number in range(500)})
    midnight = datetime.combine(today, time(), UTC)
    seen = set()
    for number in range(2_000):
        made: dict[str, Any] = getattr(history, kind)(number)
        times = [datetime.fromisoformat(text) for name, text in made.items() if name.endswith("_time")]
        assert times == sorted(times), made
        assert all(midnight - timedelta(days=DAYS + 1) < one < midnight for one in times), made
        seen |= {(midnight - one).days for one in times}
    assert kind == "order" or min(seen) <= 2, "it reaches up to the day before"
