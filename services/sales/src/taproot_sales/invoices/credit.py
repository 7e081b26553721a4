"""Credit limits: setting them, and what is used of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Uuid, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from taproot_base.errors import InvalidArgument, NotFound
from taproot_sales.customer_refs.model import CustomerRef
from taproot_sales.invoices.ledger import balance
from taproot_sales.invoices.model import CreditLimit
from taproot_sales.invoices.rules import within_limit
from taproot_sales.orders.model import CreditLimitExceeded, Order
from taproot_sales.orders.rules import CAN_FULFIL
from taproot_sales.sales_lines.customers import members_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import root_of
from taproot_storage.schema import identity_branches
from taproot_storage.statements import Statement
from taproot_storage.updates import check_etag
from taproot_storage.visibility import unscoped

_to_invoice = Statement(
    lambda: select(func.coalesce(func.sum(Order.total - Order.invoiced), 0)).where(
        Order.customer_id == func.any(bindparam("customers")),
        Order.currency_code == bindparam("currency"),
        Order.state.in_(CAN_FULFIL),
        unscoped(Order, "the credit of a customer is one for all branches"),
    )
)

_branch, _key = identity_branches.c, bindparam("key", type_=Uuid())
# Of a branch that is not known here yet: nobody's by branch, until the customer's next event.
_path_of = select(_branch.path).where(_branch.id == bindparam("branch_id", type_=Uuid())).scalar_subquery()
_follow = Statement(
    lambda: (
        update(CreditLimit)
        .where(
            or_(
                CreditLimit.id == _key, CreditLimit.id == func.any(bindparam("members", type_=ARRAY(Uuid())))
            ),
            unscoped(CreditLimit, "a limit goes where its customer goes"),
        )
        .values(owner_id=bindparam("owner_id", type_=Uuid()), branch_path=func.coalesce(_path_of, ""))
    )
)
# Shared with whoever sets a limit, so that a customer cannot move while its limit is on its way into the table.
_place = Statement(
    lambda: (
        select(CustomerRef.owner_id, _branch.path)
        .outerjoin(identity_branches, _branch.id == CustomerRef.branch_id)
        .where(CustomerRef.id == root_of(_key))
        .with_for_update(read=True, of=CustomerRef)
    )
)


async def follow_customer(values: Mapping[str, Any], work: UnitOfWork) -> None:
    """The customer has another owner or branch, or others were merged into it."""
    where = {name: values[name] for name in ("owner_id", "branch_id")}
    await work.execute(_follow, key=values["id"], members=values["member_ids"], **where)


async def used_credit(customer_id: uuid.UUID, currency: str, reader: Reader) -> Decimal:
    """Balance of the account and what confirmed orders will still be invoiced."""
    members = await members_of(customer_id, reader)
    owed = await balance(members, currency, reader)
    return owed + Decimal(await reader.fetch_value(_to_invoice, customers=members, currency=currency))


async def require_credit(order: Order, work: UnitOfWork) -> None:
    """Confirmations of one customer's orders wait here for each other, so that the limit holds."""
    limit = await _locked(order.customer_id, work)
    if limit is None or limit.currency_code != order.currency_code:
        return
    used = await used_credit(order.customer_id, order.currency_code, work)
    if not within_limit(limit.limit_amount, used, order.total):
        raise CreditLimitExceeded(
            "the order would exceed the customer's credit limit",
            limit=str(limit.limit_amount),
            used=str(used),
            order=str(order.total),
            currency_code=limit.currency_code,
        )


async def _locked(customer_id: uuid.UUID, work: UnitOfWork) -> CreditLimit | None:
    found: CreditLimit | None = await work.scalar(
        select(CreditLimit)
        .where(
            CreditLimit.id == customer_id, unscoped(CreditLimit, "what a customer may owe binds every branch")
        )
        .with_for_update()
    )
    return found


async def set_credit_limit(
    customer_id: uuid.UUID,
    etag: str,
    amount: Decimal | None,
    currency: str,
    note: str | None,
    work: UnitOfWork,
) -> CreditLimit:
    """Set or change. The caller sees the customer and holds the advisory lock of its limit."""
    limit = await _locked(customer_id, work)
    if limit is None:
        if amount is None:
            raise InvalidArgument([("credit_limit.limit", "is required")])
        place = await work.fetch_row(_place, key=customer_id)
        where = {"owner_id": place["owner_id"], "branch_path": place["path"] or ""}
        limit = CreditLimit(id=customer_id, create_time=work.clock.now(), **where)
        await work.add(limit)
    check_etag(etag, limit.version or 0)
    if amount is not None and amount < 0:
        raise InvalidArgument([("credit_limit.limit", "must not be negative")])
    limit.note = limit.note if note is None else note
    limit.set_limit(
        limit.limit_amount if amount is None else amount,
        limit.currency_code if amount is None else currency,
        work.clock.now(),
    )
    return limit


async def delete_credit_limit(customer_id: uuid.UUID, etag: str, work: UnitOfWork) -> CreditLimit:
    limit = await _locked(customer_id, work)
    if limit is None:
        raise NotFound("credit limit", customer_id)
    check_etag(etag, limit.version)
    limit.record("deleted", work.clock.now())
    await work.flush()
    await (await work.session()).delete(limit)
    return limit
