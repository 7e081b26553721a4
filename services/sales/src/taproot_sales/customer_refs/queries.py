"""Reads of the projection of customers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, func, select

from taproot_sales.customer_refs.model import CustomerRef
from taproot_storage.database import Reader
from taproot_storage.schema import redirects
from taproot_storage.statements import Statement

T = CustomerRef.__table__.c
R = redirects.c
_key = bindparam("customer_id", type_=Uuid())
_root = func.coalesce(select(R.root_id).where(R.member_id == _key).scalar_subquery(), _key)
_one = Statement(lambda: select(CustomerRef.__table__).where(T.id == _root, T.deleted.is_(False)))
_members = Statement(lambda: select(R.member_id).where(R.root_id == _root))
_root_of = Statement(lambda: select(_root))


async def find_customer(reader: Reader, customer_id: UUID) -> Any:
    """Row of a customer, of the survivor when it was merged; None when this service knows none."""
    return await reader.fetch_row(_one, customer_id=customer_id)


async def same_customer(reader: Reader, customer_id: UUID) -> list[UUID]:
    """All keys under which records of a customer may stand: the survivor and what was merged into it."""
    root: UUID = await reader.fetch_value(_root_of, customer_id=customer_id)
    rows = await reader.fetch(_members, customer_id=customer_id)
    return [root, *(row["member_id"] for row in rows)]
