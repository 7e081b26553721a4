"""How many mails are due and not sent, and since when, for dashboards."""

from __future__ import annotations

from prometheus_client import Gauge

from taproot_marketing.deliveries import queries
from taproot_storage.database import Database

_waiting = Gauge("taproot_mails_due", "Mails that are due and not with a mail server yet")
_oldest = Gauge("taproot_mails_oldest_due_seconds", "For how long the oldest of them has been due")


async def measure(database: Database) -> None:
    now = database.clock.now()
    async with database.reading() as reader:
        count, since = await queries.overdue(reader, now)
    _waiting.set(count)
    _oldest.set((now - since).total_seconds() if since is not None else 0)
