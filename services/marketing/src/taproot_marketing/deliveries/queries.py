"""Reads of deliveries, and the one read that decides whether a message may go out."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, and_, bindparam, delete, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot.marketing.v1 import delivery_pb2 as pb
from taproot_marketing.campaigns.model import Campaign
from taproot_marketing.consents.model import ConsentRef
from taproot_marketing.customer_refs.model import CustomerRef
from taproot_marketing.deliveries.model import Delivery, MailQuota
from taproot_marketing.suppressions.model import Suppression
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = (
    "id display_name state source business_key customer_id recipient_domain message_class template_id language_code"
    " journey_id journey_run_id journey_step campaign_id attempt_count next_attempt_time smtp_code reason claim_time"
    " sent_time owner_id branch_id create_time update_time"
)
SHELF = Shelf(
    resource_of("delivery", Delivery, pb.Delivery, FIELDS, references=("customer_id",)), Delivery, pb.Delivery
)
_WORK = "the sender serves messages of every branch"

_now = bindparam("now", type_=DateTime(timezone=True))
_d, _r = Delivery.__table__.c, CustomerRef.__table__.c


def _consent(purpose: str) -> Any:
    """True, False or NULL: granted and not expired, not so, never asked."""
    holds = and_(ConsentRef.granted, or_(ConsentRef.expire_time.is_(None), ConsentRef.expire_time > _now))
    return (
        select(holds)
        .where(
            ConsentRef.customer_id == func.any(keys_of(_r.id)),
            ConsentRef.purpose == purpose,
            ConsentRef.channel == "email",
        )
        # Those merged decide together: what was said last, under whichever record, holds.
        .order_by(ConsentRef.effective_time.desc(), ConsentRef.granted)
        .limit(literal_column("1"))
        .correlate(CustomerRef.__table__)
        .scalar_subquery()
        .label(f"{purpose}_consent")
    )


def _build_due() -> Any:
    key = func.coalesce(func.nullif(_d.address_key, ""), _r.email_key)
    suppression = select(Suppression.reason).where(Suppression.address_key == key).scalar_subquery()
    held = select(Campaign.id).where(
        Campaign.id == _d.campaign_id, Campaign.state == "paused", unscoped(Campaign, _WORK)
    )
    return (
        select(
            *_d,
            *(column.label(f"customer_{column.key}") for column in _r if column.key != "id"),
            suppression.label("suppression"),
            _consent("marketing"),
            _consent("service"),
        )
        .select_from(Delivery.__table__)
        .join(CustomerRef.__table__, _r.id == root_of(_d.customer_id), isouter=True)
        .where(
            _d.state.in_(("queued", "failed_temporary")),
            _d.next_attempt_time <= _now,
            ~held.exists(),
            unscoped(Delivery, _WORK),
            unscoped(CustomerRef, _WORK),
        )
        .order_by(_d.next_attempt_time, _d.id)
        .limit(bindparam("most"))
        .with_for_update(of=Delivery.__table__, skip_locked=True)
    )


_due = Statement(_build_due)
_lost = Statement(
    lambda: (
        select(Delivery.id)
        .where(
            Delivery.state == "claimed", Delivery.claim_time < bindparam("before"), unscoped(Delivery, _WORK)
        )
        .order_by(Delivery.claim_time)
        .limit(100)
    )
)
_CLAIMED = (
    "display_name", "recipient", "recipient_domain", "language_code", "message_id", "claim_id", "claim_time",
)  # fmt: skip
_claim = Statement(
    lambda: (
        update(Delivery)
        .where(Delivery.id == bindparam("key"), unscoped(Delivery, _WORK))
        .values(
            state="claimed",
            attempt_count=Delivery.attempt_count + 1,
            **{name: bindparam(f"new_{name}") for name in _CLAIMED},
        )
    )
)
_put_off = Statement(
    lambda: (
        update(Delivery)
        .where(Delivery.id == bindparam("key"), unscoped(Delivery, _WORK))
        .values(next_attempt_time=bindparam("later"))
    )
)
_open_quota = Statement(
    lambda: (
        insert(MailQuota)
        .values(domain=bindparam("domain"), minute=bindparam("minute"), count=0)
        .on_conflict_do_nothing()
    )
)
_read_quota = Statement(
    lambda: (
        select(MailQuota.count)
        .where(MailQuota.domain == bindparam("domain"), MailQuota.minute == bindparam("minute"))
        .with_for_update()
    )
)
_use_quota = Statement(
    lambda: (
        update(MailQuota)
        .where(MailQuota.domain == bindparam("of"), MailQuota.minute == bindparam("at"))
        .values(count=MailQuota.count + bindparam("used"))
    )
)
_forget_quotas = Statement(lambda: delete(MailQuota).where(MailQuota.minute < bindparam("before")))
_by_message_id = Statement(
    lambda: select(Delivery.id).where(
        Delivery.message_id == bindparam("message_id"),
        unscoped(Delivery, "a bounce names the mail, not a branch"),
    )
)


async def due(work: UnitOfWork, now: datetime, most: int) -> list[Any]:
    """Messages whose turn it is, locked, with all that decides whether they may go out."""
    return await work.fetch(_due, now=now, most=most)


async def lost_claims(reader: Reader, before: datetime) -> list[uuid.UUID]:
    return [row["id"] for row in await reader.fetch(_lost, before=before)]


async def claim(work: UnitOfWork, key: uuid.UUID, **values: Any) -> None:
    await work.execute(_claim, key=key, **{f"new_{name}": value for name, value in values.items()})


async def put_off(work: UnitOfWork, key: uuid.UUID, later: datetime) -> None:
    await work.execute(_put_off, key=key, later=later)


async def take_quota(work: UnitOfWork, domain: str, minute: datetime, wanted: int, limit: int) -> int:
    """How many of `wanted` messages may go to the domain in this minute; holds the domain until the commit."""
    await work.execute(_open_quota, domain=domain, minute=minute)
    used: int = await work.fetch_value(_read_quota, domain=domain, minute=minute)
    granted = max(0, min(wanted, limit - used))
    await work.execute(_use_quota, of=domain, at=minute, used=granted)
    return granted


async def forget_quotas(work: UnitOfWork, before: datetime) -> None:
    await work.execute(_forget_quotas, before=before)


async def find_by_message_id(reader: Reader, message_id: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_by_message_id, message_id=message_id)
    return found


_overdue = Statement(
    lambda: select(func.count(), func.min(_d.next_attempt_time)).where(
        _d.state.in_((literal_column("'queued'"), literal_column("'failed_temporary'"))),
        _d.next_attempt_time <= _now,
        unscoped(Delivery, "counted over all branches"),
    )
)


async def overdue(reader: Reader, now: datetime) -> tuple[int, datetime | None]:
    """Mails that are due, and since when the first of them is."""
    row = await reader.fetch_row(_overdue, now=now)
    return row[0], row[1]
