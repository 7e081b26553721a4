"""Reads of accounts: the ledger, in order, with its sums."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_sales.invoices.model import LedgerEntry
from taproot_storage.database import Reader
from taproot_storage.statements import Statement

MOST_ENTRIES = 5000
_c = LedgerEntry.__table__.c
_account = (
    _c.customer_id == func.any(bindparam("customers", type_=ARRAY(Uuid()))),
    _c.currency_code == bindparam("currency"),
)

_currencies = Statement(
    lambda: (
        select(_c.currency_code, func.max(_c.sequence).label("newest"))
        .where(_account[0])
        .group_by(_c.currency_code)
        .order_by(func.max(_c.sequence).desc())
    )
)
_opening = Statement(
    lambda: select(func.coalesce(func.sum(_c.amount), 0)).where(*_account, _c.entry_date < bindparam("start"))
)
_entries = Statement(
    lambda: (
        select(LedgerEntry.__table__)
        .where(*_account, _c.entry_date >= bindparam("start"), _c.entry_date <= bindparam("end"))
        .order_by(_c.entry_date, _c.sequence)
        .limit(MOST_ENTRIES + 1)
    )
)


async def currencies(reader: Reader, customers: Sequence[uuid.UUID]) -> list[str]:
    """Currencies of the account, the one with the newest entry first."""
    return [row["currency_code"] for row in await reader.fetch(_currencies, customers=list(customers))]


async def opening_balance(
    reader: Reader, customers: Sequence[uuid.UUID], currency: str, start: date
) -> Decimal:
    return Decimal(
        await reader.fetch_value(_opening, customers=list(customers), currency=currency, start=start)
    )


async def entries(
    reader: Reader, customers: Sequence[uuid.UUID], currency: str, start: date, end: date
) -> list[Any]:
    """At most one more than MOST_ENTRIES, so that the caller can tell."""
    return await reader.fetch(_entries, customers=list(customers), currency=currency, start=start, end=end)
