"""How many leads wait for their owner's feedback, for dashboards."""

from __future__ import annotations

from prometheus_client import Gauge

from taproot_sales.leads import queries
from taproot_storage.database import Database

_waiting = Gauge("taproot_leads_waiting", "Open leads whose owner has not given feedback")
_overdue = Gauge("taproot_leads_overdue", "Those of them whose time for it has passed")


async def measure(database: Database) -> None:
    async with database.reading() as reader:
        waiting, overdue = await queries.awaited(reader, database.clock.now())
    _waiting.set(waiting)
    _overdue.set(overdue)
