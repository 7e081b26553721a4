"""Waits until the customer's timeline shows what has happened, and measures how long that took."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from taproot_local.api import Client, Json
from taproot_local.errors import LocalError


class NotShown(LocalError):
    """The timeline lacks an entry."""


class Timeline:
    """One customer's timeline as one person sees it."""

    def __init__(self, reader: Client, customer_id: str, patience: float) -> None:
        self._reader = reader
        self._path = f"/v1/customers/{customer_id}/timeline"
        self._patience = patience

    async def entries(self) -> list[Json]:
        """Newest first."""
        return [one async for one in self._reader.pages(self._path, "timeline_entries")]

    async def shows(self, expected: Iterable[str], times: Counter[str] | None = None) -> float:
        """Seconds until all were visible, from the last of them or from now, whichever came later.

        `times`: how often each event must be there.
        """
        wanted = Counter(dict.fromkeys(expected, 1)) if times is None else times
        deadline, begun = time.monotonic() + self._patience, datetime.now(UTC)
        while True:
            entries = await self.entries()
            seen = datetime.now(UTC)
            missing = wanted - Counter(entry["event_type"] for entry in entries)
            if not missing:
                return (seen - max(begun, _newest(entries, set(wanted)))).total_seconds()
            if time.monotonic() > deadline:
                raise NotShown(
                    f"After {self._patience:.0f} s the timeline {self._path} lacks {dict(missing)}."
                )
            await asyncio.sleep(0.02)


def _newest(entries: list[Json], wanted: set[str]) -> datetime:
    return max(instant(entry["occurred_time"]) for entry in entries if entry["event_type"] in wanted)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
