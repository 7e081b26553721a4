"""How far customers come along given steps, each after the one before. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from taproot_customer.analysis.figures import Cell, rate

Happened = tuple[dt.datetime, str]


class Funnel:
    """`window`: from the first step to the last; None for any time."""

    def __init__(self, steps: Sequence[str], window: dt.timedelta | None) -> None:
        self._steps = tuple(steps)
        self._window = window
        self._reached = [0] * len(steps)

    def add(self, events: Sequence[Happened]) -> None:
        """One customer's events."""
        for step in range(self.depth(sorted(events))):
            self._reached[step] += 1

    def depth(self, events: Sequence[Happened]) -> int:
        """The most steps made in their order, from any of the times the first was made."""
        starts = [number for number, (_, kind) in enumerate(events) if kind == self._steps[0]]
        return max((self._walk(events[start:]) for start in starts), default=0)

    def _walk(self, events: Sequence[Happened]) -> int:
        reached, began = 0, events[0][0]
        for at, kind in events:
            if self._window is not None and at - began > self._window:
                break
            if reached < len(self._steps) and kind == self._steps[reached]:
                reached += 1
        return reached

    def cells(self) -> list[Cell]:
        first = self._reached[0]
        return [
            Cell(row=str(number), column=step, customer_count=count, share=rate(count, first or 1))
            for number, (step, count) in enumerate(zip(self._steps, self._reached, strict=True), 1)
        ]
