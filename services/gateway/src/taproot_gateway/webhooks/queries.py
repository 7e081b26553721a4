"""Reads of endpoints and of what was sent to them."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Select, bindparam, select

from taproot.identity.v1 import webhook_pb2 as pb
from taproot_base.errors import NotFound
from taproot_gateway.webhooks.model import Webhook, webhook_deliveries, webhook_runs
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import visible

_c, _d, _r = Webhook.__table__.c, webhook_deliveries.c, webhook_runs.c

RESOURCE = Resource(
    "webhook",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("display_name", _c.display_name, FieldType.TEXT),
        Field("url", _c.url, FieldType.TEXT),
        Field("event_types", _c.event_types, FieldType.TEXT, repeated=True),
        Field("state", _c.state, FieldType.ENUM, enum=pb.WebhookState),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("failing_since_time", _r.failing_since, FieldType.INSTANT, nullable=True),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_c.id,
)
DELIVERIES = Resource(
    "webhook_delivery",
    [
        Field("id", _d.id, FieldType.ID, sortable=False),
        Field("event_id", _d.event_id, FieldType.ID, sortable=False),
        Field("event_type", _d.event_type, FieldType.TEXT),
        Field("resource_id", _d.resource_id, FieldType.ID, sortable=False),
        Field("state", _d.state, FieldType.ENUM, enum=pb.WebhookDeliveryState),
        Field("attempts", _d.attempts, FieldType.INTEGER),
        Field("response_status", _d.response_status, FieldType.INTEGER),
        Field("occur_time", _d.occur_time, FieldType.INSTANT),
        Field("next_attempt_time", _d.next_attempt_time, FieldType.INSTANT),
        Field("deliver_time", _d.deliver_time, FieldType.INSTANT),
    ],
    default_order="occur_time desc",
    id_column=_d.id,
)


def listed() -> Select[Any]:
    joined = Webhook.__table__.outerjoin(webhook_runs, _r.webhook_id == _c.id)
    return select(Webhook.__table__, _r.failing_since).select_from(joined).where(_c.delete_time.is_(None))


def listed_deliveries(webhook_id: uuid.UUID) -> Select[Any]:
    shown = [column for column in _d if column.name != "payload"]
    return select(*shown).where(_d.webhook_id == webhook_id)


_get = Statement(lambda: listed().where(_c.id == bindparam("key"), visible(Webhook)))


def for_change(key: uuid.UUID) -> Select[Any]:
    return (
        select(Webhook)
        .where(Webhook.id == key, Webhook.delete_time.is_(None), visible(Webhook))
        .with_for_update()
    )


async def get_webhook(reader: Reader, key: uuid.UUID) -> Any:
    row = await reader.fetch_row(_get, key=key)
    if row is None:
        raise NotFound("webhook", key)
    return row
