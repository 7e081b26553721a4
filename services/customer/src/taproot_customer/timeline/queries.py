"""Reads of the timeline."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Uuid, literal, select

from taproot.customer.v1 import timeline_pb2 as pb
from taproot_customer.nearness import near
from taproot_customer.parents import find_parent, members_of
from taproot_customer.search.keys import text_terms
from taproot_customer.timeline.finding import unveiled
from taproot_customer.timeline.model import timeline
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import ListRequest, Page
from taproot_storage.database import Reader
from taproot_storage.mixed import visible_mixed
from taproot_storage.reads import Lists

_c = timeline.c

RESOURCE = Resource(
    "timeline_entry",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("kind", _c.kind, FieldType.ENUM, enum=pb.TimelineKind),
        Field("event_type", _c.event_type, FieldType.TEXT),
        Field("resource", _c.resource, FieldType.TEXT),
        Field("resource_id", _c.resource_id, FieldType.ID, sortable=False),
        Field("actor", _c.actor, FieldType.TEXT),
        Field("channel", _c.channel, FieldType.TEXT),
        Field("contact_id", _c.contact_id, FieldType.ID, sortable=False),
        Field(
            "text",
            _c.words,
            FieldType.TEXT,
            repeated=True,
            sensitive_class="note",
            terms=text_terms,
            through=unveiled,
        ),
        Field("occurred_time", _c.occurred_at, FieldType.INSTANT),
    ],
    default_order="occurred_time desc",
    id_column=_c.id,
)


async def read_timeline(
    reader: Reader, customer_id: uuid.UUID, request: ListRequest, lists: Lists
) -> Page[Any]:
    """Newest first, over the customer and the records merged into it: what the caller may read of it.

    Raises NotFound when the customer is not visible.
    """
    parent = await find_parent(reader, customer_id)
    members = await members_of(reader, parent.id)
    close = near(literal(parent.id, Uuid()), literal(parent.owner_id, Uuid()), literal(parent.branch_path))
    rows = select(timeline).where(_c.customer_id.in_(members))
    shown = visible_mixed(timeline, close)
    return await lists.page(reader, RESOURCE, rows, timeline, request, of=str(parent.id), shown=shown)
