"""Projection of consent events: the newest decision for each purpose and channel holds."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot.customer.events.v1.consent_event_pb2 import ConsentEvent
from taproot.customer.v1.consent_pb2 import CONSENT_DECISION_GRANTED, ConsentChannel
from taproot_base import wire
from taproot_chassis.events import Event
from taproot_marketing.consents.model import ConsentRef
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

_columns = ConsentRef.__table__.columns


def _build_put() -> Any:
    statement = insert(ConsentRef).values({c.key: bindparam(c.key, type_=c.type) for c in _columns})
    keys = ("customer_id", "purpose", "channel")
    changes = {c.key: statement.excluded[c.key] for c in _columns if c.key not in keys}
    newer = ConsentRef.effective_time <= statement.excluded.effective_time
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=newer)


_put = Statement(_build_put)


async def apply_consent(event: Event, work: UnitOfWork) -> None:
    consent = event.decode(ConsentEvent).consent
    await work.execute(
        _put,
        customer_id=uuid.UUID(consent.customer_id),
        purpose=consent.purpose,
        channel=wire.enum_name(ConsentChannel, consent.channel, "CONSENT_CHANNEL_"),
        consent_id=uuid.UUID(consent.id),
        granted=consent.decision == CONSENT_DECISION_GRANTED,
        effective_time=wire.optional_instant(consent, "effective_time") or event.occurred_at,
        expire_time=wire.optional_instant(consent, "expire_time"),
    )
