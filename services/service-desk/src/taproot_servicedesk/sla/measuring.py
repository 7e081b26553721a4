"""How the promises that run now stand, for dashboards."""

from __future__ import annotations

from prometheus_client import Gauge

from taproot_servicedesk.sla import queries
from taproot_storage.database import Database

_clocks = Gauge(
    "taproot_sla_clocks",
    "Promises to customers that run: on time, at risk (warned of) or breached",
    ["state"],
)


async def measure(database: Database) -> None:
    async with database.reading() as reader:
        running, at_risk, breached = await queries.standing(reader)
    _clocks.labels("on_time").set(running - at_risk - breached)
    _clocks.labels("at_risk").set(at_risk)
    _clocks.labels("breached").set(breached)
