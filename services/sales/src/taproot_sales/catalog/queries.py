"""Reads of products. The catalogue is one for the whole enterprise: not scoped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.sales.v1 import product_pb2 as pb
from taproot_listing.fields import Field, FieldType
from taproot_records.reading import Shelf, resource_of
from taproot_sales.catalog.model import Product
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

T = Product.__table__.c
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "product",
    Product,
    pb.Product,
    "id code display_name name_zh name_en kind unit category tax_rate entitlement_months discontinued search "
    "create_time update_time custom",
    "code",
).with_fields(
    Field("list_price", T.list_price_amount, FieldType.NUMBER),
    Field("list_price.currency_code", T.list_price_currency, FieldType.TEXT),
)
SHELF = Shelf(RESOURCE, Product, pb.Product, live=LIVE)
_many = Statement(
    lambda: select(Product.__table__).where(LIVE, T.id == any_(bindparam("keys", type_=ARRAY(Uuid()))))
)
_taken = Statement(
    lambda: select(T.code_key).where(T.code_key == any_(bindparam("codes", type_=ARRAY(Text()))))
)


async def products_by_id(reader: Reader, keys: Iterable[UUID]) -> dict[UUID, Any]:
    """Rows of products that exist, by id."""
    return {row["id"]: row for row in await reader.fetch(_many, keys=list(keys))}


async def taken_codes(work: UnitOfWork, codes: Iterable[str]) -> set[str]:
    """Which of these normal forms of codes are in use, deleted products included."""
    return {row["code_key"] for row in await work.fetch(_taken, codes=list(codes))}
