"""What other services' events do to consents."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.events.v1.suppression_event_pb2 import SuppressionEvent
from taproot.marketing.v1.suppression_pb2 import SuppressionReason
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot_base import wire
from taproot_base.errors import NotFound
from taproot_chassis.events import Event
from taproot_customer.consents import queries
from taproot_customer.consents.handlers import create_consent
from taproot_customer.consents.model import GRANTED, WITHDRAWN
from taproot_records.mapping import Values
from taproot_storage.database import UnitOfWork


async def _record_once(key: str, values: Values, work: UnitOfWork) -> None:
    if await work.fetch_row(queries.by_business_key(key)):
        return
    try:
        await create_consent("", values | {"business_key": key}, work)
    except NotFound:
        return  # the customer is gone: there is nobody whose consent could count


async def on_suppressed(event: Event, work: UnitOfWork) -> None:
    """Who unsubscribes or complains has withdrawn the consent for marketing by e-mail."""
    found = event.decode(SuppressionEvent)
    suppression = found.suppression
    told = (SuppressionReason.Value(f"SUPPRESSION_REASON_{r}") for r in ("UNSUBSCRIBED", "COMPLAINED"))
    if suppression.reason not in tuple(told) or not suppression.customer_id:
        return
    values = {
        "customer_id": uuid.UUID(suppression.customer_id),
        "purpose": "marketing",
        "channel": "email",
        "decision": WITHDRAWN,
        "source": "unsubscribe",
        "proof": found.consent_proof,
        "effective_time": event.occurred_at,
    }
    key = f"suppression:{suppression.id}:{event.version}"
    await _record_once(key, values, work)


async def on_form_submitted(event: Event, work: UnitOfWork) -> None:
    submission = event.decode(FormEvent).submission
    if not submission.consent:
        return
    at = wire.optional_instant(submission, "consent_time") or event.occurred_at
    row = await queries.keep_form_consent(work, uuid.UUID(submission.id), submission.consent_proof, at)
    await _grant_form_consent(row, work)


async def on_lead_converted(event: Event, work: UnitOfWork) -> None:
    lead = event.decode(LeadEvent).lead
    if lead.form_submission_id and lead.customer_id:
        customer_id = uuid.UUID(lead.customer_id)
        row = await queries.keep_form_customer(work, uuid.UUID(lead.form_submission_id), customer_id)
        await _grant_form_consent(row, work)


async def _grant_form_consent(row: Any, work: UnitOfWork) -> None:
    """Once both are known, whichever came first: who gave the consent and which customer he became."""
    if row["customer_id"] is None or row["consent_time"] is None:
        return
    values = {
        "customer_id": row["customer_id"],
        "purpose": "marketing",
        "channel": "email",
        "decision": GRANTED,
        "source": "web_form",
        "proof": row["proof"] or "",
        "effective_time": row["consent_time"],
    }
    key = f"form:{row['submission_id']}"
    await _record_once(key, values, work)
