"""Reads of loyalty programmes, accounts and movements."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Integer, Uuid, and_, bindparam, func, select

from taproot.marketing.v1 import loyalty_account_service_pb2 as rpc
from taproot.marketing.v1 import loyalty_pb2 as pb
from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_marketing.loyalty import messages
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyEntry, LoyaltyProgram, LoyaltyTransaction
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

PROGRAM_FIELDS = (
    "id display_name currency_code auto_join closed owner_id branch_id create_time update_time custom"
)
FIELDS = "id program_id customer_id display_name balance lifetime_points tier owner_id branch_id create_time update_time"
PROGRAMS = Shelf(
    resource_of("loyaltyprogram", LoyaltyProgram, pb.LoyaltyProgram, PROGRAM_FIELDS),
    LoyaltyProgram,
    pb.LoyaltyProgram,
    messages.fill_amount,
)
SHELF = Shelf(
    resource_of("loyaltyaccount", LoyaltyAccount, pb.LoyaltyAccount, FIELDS, references=("customer_id",)),
    LoyaltyAccount,
    pb.LoyaltyAccount,
)
WORK = "points are booked for customers of every branch"
_t = LoyaltyTransaction.__table__.c
_TRANSACTIONS = Resource(
    "loyaltytransaction",
    [
        Field("id", _t.id, FieldType.ID, sortable=False),
        Field("kind", _t.kind, FieldType.ENUM, enum=pb.LoyaltyTransactionKind),
        Field("points", _t.points, FieldType.INTEGER),
        Field("balance_after", _t.balance_after, FieldType.INTEGER),
        Field("reason", _t.reason, FieldType.TEXT),
        Field("business_key", _t.business_key, FieldType.TEXT),
        Field("create_time", _t.create_time, FieldType.INSTANT, nullable=False),
    ],
    "create_time desc",
    _t.id,
)

_program, _customer = bindparam("program", type_=Uuid()), bindparam("customer", type_=Uuid())
_totals = Statement(
    lambda: (
        select(LoyaltyEntry.book, func.sum(LoyaltyEntry.points).label("points"))
        .where(LoyaltyEntry.book.in_((bindparam("issued"), bindparam("redeemed"))))
        .group_by(LoyaltyEntry.book)
    )
)
_in_use = Statement(
    lambda: (
        select(LoyaltyAccount.id)
        .where(
            LoyaltyAccount.program_id == _program,
            unscoped(LoyaltyAccount, "a programme is in use whoever sees it"),
        )
        .limit(1)
    )
)
_account_of = Statement(
    lambda: select(LoyaltyAccount.id).where(
        LoyaltyAccount.program_id == _program,
        LoyaltyAccount.customer_id == _customer,
        unscoped(LoyaltyAccount, WORK),
    )
)
_accounts_of = Statement(
    lambda: (
        select(LoyaltyAccount.id, LoyaltyAccount.program_id)
        .where(LoyaltyAccount.customer_id == _customer, unscoped(LoyaltyAccount, WORK))
        .order_by(LoyaltyAccount.program_id)
    )
)
_known = Statement(
    lambda: select(LoyaltyTransaction.__table__).where(
        LoyaltyTransaction.program_id == _program,
        LoyaltyTransaction.business_key == bindparam("key"),
        LoyaltyTransaction.business_key != "",
    )
)
_one = Statement(
    lambda: (
        select(LoyaltyTransaction.__table__)
        .join(LoyaltyAccount, LoyaltyAccount.id == LoyaltyTransaction.account_id)
        .where(LoyaltyTransaction.id == bindparam("key", type_=Uuid()), visible(LoyaltyAccount))
    )
)
_earning = Statement(
    lambda: (
        select(LoyaltyProgram.__table__)
        .where(
            and_(LoyaltyProgram.closed.is_(False), LoyaltyProgram.amount_per_point.is_not(None)),
            LoyaltyProgram.currency_code == bindparam("currency"),
        )
        .order_by(LoyaltyProgram.create_time, LoyaltyProgram.id)
    )
)
_earned_for = Statement(
    lambda: (
        select(LoyaltyTransaction.customer_id, LoyaltyTransaction.program_id, LoyaltyTransaction.points)
        .where(LoyaltyTransaction.business_key == bindparam("key"))
        .order_by(LoyaltyTransaction.create_time)
        .limit(bindparam("most", type_=Integer()))
    )
)


async def get_program(reader: Reader, key: str) -> pb.LoyaltyProgram:
    """A programme with its totals."""
    program = await PROGRAMS.get(reader, key)
    issued, redeemed = f"program:{key}:issued", f"program:{key}:redeemed"
    totals = {
        row["book"]: row["points"] for row in await reader.fetch(_totals, issued=issued, redeemed=redeemed)
    }
    program.issued_points, program.redeemed_points = -int(totals.get(issued, 0)), int(totals.get(redeemed, 0))
    return program


async def is_used(reader: Reader, program_id: uuid.UUID) -> bool:
    return await reader.fetch_value(_in_use, program=program_id) is not None


async def account_of(reader: Reader, program_id: uuid.UUID, customer_id: uuid.UUID) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_account_of, program=program_id, customer=customer_id)
    return found


async def accounts_of(reader: Reader, customer_id: uuid.UUID) -> list[Any]:
    """Id and program_id of the accounts under this very key, in the order in which they are locked."""
    return await reader.fetch(_accounts_of, customer=customer_id)


async def known_transaction(reader: Reader, program_id: uuid.UUID, business_key: str) -> Any:
    """Row of the movement with that business key, or None."""
    return await reader.fetch_row(_known, program=program_id, key=business_key)


async def get_transaction(reader: Reader, key: str) -> pb.LoyaltyTransaction:
    row = await reader.fetch_row(_one, key=uuid.UUID(key))
    if row is None:
        raise NotFound("loyalty transaction", key)
    return messages.transaction_message(row)


async def earning_programs(reader: Reader, currency: str) -> list[Any]:
    """Open programmes in which payments of the currency give points."""
    return await reader.fetch(_earning, currency=currency)


async def earned_for(reader: Reader, business_key: str) -> list[Any]:
    return await reader.fetch(_earned_for, key=business_key, most=100)


async def list_transactions(
    reader: Reader, request: rpc.ListLoyaltyTransactionsRequest, lists: Lists
) -> rpc.ListLoyaltyTransactionsResponse:
    account = await SHELF.get(reader, request.account_id)
    rows = select(LoyaltyTransaction.__table__).where(_t.account_id == uuid.UUID(account.id))
    page = await lists.page(reader, _TRANSACTIONS, rows, LoyaltyTransaction, request, account.id)
    found = [messages.transaction_message(row) for row in page.rows]
    return rpc.ListLoyaltyTransactionsResponse(transactions=found, next_page_token=page.next_page_token)
