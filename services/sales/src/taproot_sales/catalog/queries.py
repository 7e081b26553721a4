"""Reads of products. The catalogue is one for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import product_pb2 as pb
from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_base.errors import NotFound
from taproot_base.text import query_tokens
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import ListRequest, Page
from taproot_sales.catalog.model import Product
from taproot_sales.stored import Stored
from taproot_storage import reads
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import AggregateRequest, Lists
from taproot_storage.statements import Statement

T = Product.__table__.c
LIVE = T.delete_time.is_(None)
ROWS = select(Product.__table__).where(LIVE)
RESOURCE = Resource(
    "product",
    (
        Field("id", T.id, FieldType.ID),
        *(
            Field(name, T[name], FieldType.TEXT)
            for name in ("code", "name_zh", "name_en", "unit", "category")
        ),
        *(Field(name, T[name], FieldType.INSTANT) for name in ("create_time", "update_time")),
        *(Field(name, T[name], FieldType.NUMBER) for name in ("tax_rate", "list_price")),
        Field("list_price.currency_code", T.currency_code, FieldType.TEXT),
        Field("display_name", T.display_name, FieldType.TEXT, sort_column=T.sort_key),
        Field("kind", T.kind, FieldType.ENUM, enum=pb.ProductKind),
        Field("entitlement_months", T.entitlement_months, FieldType.INTEGER),
        Field("discontinued", T.discontinued, FieldType.BOOLEAN),
        Field("search", T.search, FieldType.TEXT, repeated=True, terms=query_tokens),
        Field("custom", T.custom, FieldType.JSON),
    ),
    "code",
    T.id,
)
_one = Statement(lambda: ROWS.where(T.id == bindparam("key")))
_any = Statement(lambda: select(Product.__table__).where(T.id == bindparam("key")))
_many = Statement(lambda: ROWS.where(T.id == any_(bindparam("keys", type_=ARRAY(Uuid())))))
_taken = Statement(
    lambda: select(T.code_key).where(T.code_key == any_(bindparam("codes", type_=ARRAY(Text()))))
)


async def get(reader: Reader, product_id: str | UUID, *, deleted: bool = False) -> Stored:
    """With `deleted` those in the recycle bin too."""
    row = await reader.fetch_row(_any if deleted else _one, key=UUID(str(product_id)))
    if row is None:
        raise NotFound("product", product_id)
    return Stored(row)


async def products_by_id(reader: Reader, keys: Iterable[UUID]) -> dict[UUID, Stored]:
    """Products that exist, by id."""
    return {row["id"]: Stored(row) for row in await reader.fetch(_many, keys=list(keys))}


async def page(reader: Reader, lists: Lists, request: ListRequest) -> Page[Any]:
    return await lists.page(reader, RESOURCE, ROWS, Product, request)


async def aggregate(reader: Reader, request: AggregateRequest) -> list[AggregateRow]:
    return await reads.aggregate(reader, RESOURCE, ROWS, Product, request)


async def load(work: UnitOfWork, product_id: UUID, *, deleted: bool = False) -> Product:
    state: Any = T.delete_time.is_not(None) if deleted else LIVE
    found: Product | None = await work.scalar(
        select(Product).where(T.id == product_id, state).with_for_update()
    )
    if found is None:
        raise NotFound("product", product_id)
    return found


async def taken_codes(work: UnitOfWork, codes: Iterable[str]) -> set[str]:
    """Which of these normal forms of codes are in use, deleted products included."""
    return {row["code_key"] for row in await work.fetch(_taken, codes=list(codes))}
