"""Reads of exports, and the pages of customers they are made of."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select

from taproot.customer.v1 import export_pb2 as pb
from taproot_customer.customers.model import Customer
from taproot_customer.exports.model import Export
from taproot_customer.facts import fields as customers
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import Page
from taproot_storage.database import Reader
from taproot_storage.reads import Lists
from taproot_storage.visibility import unscoped, visible

PAGE = 1000
_t = Export.__table__.c

RESOURCE = Resource(
    "export",
    [
        Field("id", _t.id, FieldType.ID, sortable=False),
        Field("display_name", _t.display_name, FieldType.TEXT),
        Field("file_format", _t.file_format, FieldType.ENUM, enum=pb.ExportFormat),
        Field("state", _t.state, FieldType.ENUM, enum=pb.ExportState),
        Field("row_count", _t.row_count, FieldType.INTEGER),
        Field("owner_id", _t.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _t.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _t.create_time, FieldType.INSTANT),
        Field("update_time", _t.update_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_t.id,
)


@dataclass(frozen=True)
class CustomersAsked:
    """One page of ListCustomers, as an export asks for it."""

    filter: str
    order_by: str
    page_token: str = ""
    page_size: int = 0
    """0: PAGE."""


async def customers_page(reader: Reader, asked: CustomersAsked, lists: Lists) -> Page[Any]:
    sized = replace(asked, page_size=asked.page_size or PAGE)
    return await lists.page(reader, customers.RESOURCE, customers.listed(), Customer, sized)


def for_run(key: uuid.UUID) -> Any:
    return (
        select(Export)
        .where(Export.id == key, unscoped(Export, "a run writes the file it was started for"))
        .with_for_update()
    )


def remove(key: uuid.UUID) -> Any:
    return delete(Export).where(_t.id == key, visible(Export))
