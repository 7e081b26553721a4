"""What a new service desk starts with. Each seed is laid once: one changed or deleted by people stays so."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, exists, select

from taproot_base.context import Call, calling
from taproot_base.ids import derived_id
from taproot_servicedesk.sla.model import SlaPolicy
from taproot_servicedesk.surveys.model import Survey
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement

_NAMESPACE = uuid.UUID("0d5c7a54-6a3f-4c0e-9b4e-5f0a3b0c8e21")
DAY = 24 * 3600
COMPLAINT_POLICY = derived_id(_NAMESPACE, "complaint-24h")
STANDARD_POLICY = derived_id(_NAMESPACE, "standard")
CSAT_SURVEY = derived_id(_NAMESPACE, "csat")
_known = Statement(lambda: select(exists().where(event_log.c.aggregate_id == bindparam("seed_id"))))


def _target(metric: str, seconds: int, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "metric": metric,
        "target_seconds": seconds,
        "warning_percent": 80,
        "escalation_steps": [{"owner_id": "", "queue_id": "", **step} for step in steps],
    }


SEEDS: dict[uuid.UUID, tuple[type[Any], dict[str, Any]]] = {
    COMPLAINT_POLICY: (
        SlaPolicy,
        {
            "display_name": "投诉 24 小时内答复 / Every complaint answered within 24 hours",
            "rank": 10,
            "kinds": ["complaint"],
            "targets": [
                _target(
                    "first_response",
                    DAY,
                    {"after_seconds": 0, "priority": "high"},
                    {"after_seconds": DAY, "priority": "critical"},
                ),
            ],
        },
    ),
    STANDARD_POLICY: (
        SlaPolicy,
        {
            "display_name": "标准 / Standard",
            "rank": 1000,
            "targets": [
                _target("first_response", 2 * DAY),
                _target("next_response", 2 * DAY),
                _target("resolution", 7 * DAY),
            ],
        },
    ),
    CSAT_SURVEY: (
        Survey,
        {
            "display_name": "服务满意度 / Service satisfaction",
            "kind": "csat",
            "question": "您对我们的服务满意吗？ How satisfied are you with our service?",
            "trigger": "ticket_resolved",
        },
    ),
}


async def lay_seeds(database: Database, call: Call) -> None:
    """Runs at every start, in any number of processes at once; the event log knows what was laid before."""
    with calling(call):
        async with database.unit(locks=[lock_key("seeds")]) as work:
            for key, (model, values) in SEEDS.items():
                if not await work.fetch_value(_known, seed_id=key):
                    await _lay(key, model, values, work)


async def _lay(key: uuid.UUID, model: type[Any], values: dict[str, Any], work: UnitOfWork) -> None:
    await work.add(model.create({"id": key} | values, work.clock.now()))
