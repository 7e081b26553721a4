"""Reads of suppressions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select

from taproot.marketing.v1 import suppression_pb2 as pb
from taproot_marketing.consents.model import ConsentRef
from taproot_marketing.customer_refs.model import CustomerRef
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.deliveries.rules import address_key
from taproot_marketing.suppressions.model import Suppression
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.redirects import keys_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = "id display_name reason delivery_id customer_id create_time update_time"
SHELF = Shelf(
    resource_of("suppression", Suppression, pb.Suppression, FIELDS, references=("customer_id",)),
    Suppression,
    pb.Suppression,
)

_by_address = Statement(lambda: select(Suppression.id).where(Suppression.address_key == bindparam("key")))
_owner_of = Statement(
    lambda: (
        select(CustomerRef.id)
        .where(
            CustomerRef.email_key == bindparam("key"),
            CustomerRef.deleted.is_(False),
            unscoped(CustomerRef, "an address that says no says it to every branch"),
        )
        .order_by(CustomerRef.id)
        .limit(1)
    )
)
_consented = Statement(
    lambda: (
        select(ConsentRef.consent_id)
        .where(
            ConsentRef.customer_id == func.any(keys_of(bindparam("customer", type_=Uuid()))),
            ConsentRef.channel == "email",
            ConsentRef.granted,
            ConsentRef.effective_time > bindparam("since"),
        )
        .limit(1)
    )
)
_behind_link = Statement(
    lambda: select(
        Delivery.recipient, Delivery.language_code, Delivery.customer_id, Delivery.message_class
    ).where(Delivery.id == bindparam("delivery"), unscoped(Delivery, "the reader of a mail holds its token"))
)


async def find(reader: Reader, address: str) -> uuid.UUID | None:
    """Id of the suppression of an address."""
    found: uuid.UUID | None = await reader.fetch_value(_by_address, key=address_key(address))
    return found


async def customer_of(reader: Reader, address: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_owner_of, key=address_key(address))
    return found


async def consented_since(reader: Reader, customer_id: uuid.UUID | None, since: datetime) -> bool:
    if customer_id is None:
        return False
    return await reader.fetch_value(_consented, customer=customer_id, since=since) is not None


async def delivery_behind(reader: Reader, delivery_id: uuid.UUID) -> Any:
    """recipient, language_code, customer_id, message_class; None when it is gone."""
    return await reader.fetch_row(_behind_link, delivery=delivery_id)
