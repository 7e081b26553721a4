"""Reads of the projection of customers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot_sales.customer_refs.model import CUSTOMERS
from taproot_storage.database import Reader


async def find_customer(reader: Reader, customer_id: UUID) -> Any:
    """Row of a customer, of the survivor when it was merged; None when this service knows none."""
    row = await CUSTOMERS.find(reader, customer_id)
    return None if row is None or row["deleted"] else row
