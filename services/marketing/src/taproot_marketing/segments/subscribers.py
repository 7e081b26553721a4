"""Projection of membership events."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam, tuple_
from sqlalchemy.dialects.postgresql import insert

from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot_chassis.events import Event
from taproot_marketing.segments.model import SegmentMember
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement

_columns = SegmentMember.__table__.columns


def _build_put() -> Any:
    statement = insert(SegmentMember).values({c.key: bindparam(c.key, type_=c.type) for c in _columns})
    keys = ("segment_id", "customer_id")
    changes = {c.key: statement.excluded[c.key] for c in _columns if c.key not in keys}
    stored = tuple_(SegmentMember.changed_at, SegmentMember.version)
    newer = stored < tuple_(statement.excluded.changed_at, statement.excluded.version)
    return statement.on_conflict_do_update(index_elements=keys, set_=changes, where=newer)


_put = Statement(_build_put)


async def apply_member(event: Event, work: UnitOfWork) -> None:
    member = event.decode(SegmentMemberEvent).segment_member
    await work.execute(
        _put,
        segment_id=uuid.UUID(member.segment_id),
        customer_id=uuid.UUID(member.customer_id),
        changed_at=event.occurred_at,
        version=event.version,
        present=event.name == "entered",
    )
