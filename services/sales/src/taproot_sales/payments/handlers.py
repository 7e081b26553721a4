"""Use cases of payments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Place
from taproot_records.writing import load
from taproot_sales.invoices.handlers import open_invoices, open_items, settle_parts
from taproot_sales.invoices.ledger import enter_payment
from taproot_sales.invoices.model import Invoice, OverAllocated
from taproot_sales.invoices.rules import EntryKind, Part, oldest_first, over_allocated
from taproot_sales.payments.model import Allocation, AllocationSource, ExternalIdTaken, Payment
from taproot_sales.pricing.currency import is_whole
from taproot_sales.sales_lines.customers import checked_place
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.updates import merge_patch
from taproot_storage.visibility import unscoped

ZERO = Decimal(0)
_next_number = Statement(lambda: select(func.nextval("payments_serial_seq")))


@dataclass(frozen=True, slots=True)
class RecordPayment:
    id: uuid.UUID | None
    customer_id: uuid.UUID
    amount: Decimal
    currency_code: str
    payment_date: date | None
    parts: Sequence[Part] = ()
    auto_allocate: bool = False
    external_id: str = ""
    display_name: str = ""
    method: str = ""
    reference: str = ""
    note: str = ""
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    custom: dict[str, Any] = field(default_factory=dict)


async def record_payment(command: RecordPayment, work: UnitOfWork) -> Payment:
    """Money received: entered in the account, allocated as asked, the rest kept as credit."""
    place = await checked_place("payment", command, lambda: _check_amount(command), work)
    await _require_new(command, work)
    payment = await _new_payment(command, place, work)
    await work.add(payment)
    payment.receive(work.clock.now())
    await enter_payment(payment, EntryKind.PAYMENT, work)
    if command.parts or command.auto_allocate:
        await allocate(payment, command.parts, work)
    return payment


def _check_amount(command: RecordPayment) -> None:
    if command.amount <= 0 or not is_whole(command.amount, command.currency_code):
        raise InvalidArgument([("payment.amount", "must be above 0, in whole minor units")])


async def _new_payment(command: RecordPayment, place: Place, work: UnitOfWork) -> Payment:
    serial = await work.fetch_value(_next_number)
    number = f"PAY-{serial:06d}"
    return Payment(
        id=command.id or new_id(),
        serial=serial,
        number=number,
        display_name=command.display_name or number,
        customer_id=command.customer_id,
        external_id=command.external_id or None,
        currency_code=command.currency_code,
        amount=command.amount,
        payment_date=command.payment_date or work.clock.now().date(),
        method=command.method,
        reference=command.reference,
        note=command.note,
        owner_id=place.owner_id,
        branch_id=place.branch_id,
        branch_path=place.branch_path,
        team_id=command.team_id,
        custom=command.custom,
    )


async def _require_new(command: RecordPayment, work: UnitOfWork) -> None:
    if not command.external_id:
        return
    statement = select(Payment.id).where(
        Payment.external_id == command.external_id, unscoped(Payment, "external ids are unique everywhere")
    )
    if await work.fetch_value(statement) is not None:
        raise ExternalIdTaken("a payment with this external_id exists", external_id=command.external_id)


async def load_payment(payment_id: uuid.UUID, work: UnitOfWork, etag: str = "") -> Payment:
    """Locked until the end of the transaction."""
    return await load(work, Payment, payment_id, etag)


async def allocate(payment: Payment, parts: Sequence[Part], work: UnitOfWork) -> None:
    """Put unallocated money against invoices: as given, or oldest due first."""
    payment.require_live()
    if any(part.currency not in ("", payment.currency_code) for part in parts):
        raise InvalidArgument([("allocations", f"must be in {payment.currency_code}")])
    only = [uuid.UUID(part.invoice_id) for part in parts]
    invoices = await open_invoices(payment.customer_id, payment.currency_code, work, only)
    items = open_items(invoices)
    chosen = list(parts) or oldest_first(payment.unallocated, items)
    excess = over_allocated(payment.unallocated, chosen, items)
    if excess:
        named = {invoice_id or "unallocated": str(amount) for invoice_id, amount in excess.items()}
        raise OverAllocated("more than is open on the invoice or unallocated in the payment", **named)
    await settle_parts(chosen, invoices, AllocationSource.PAYMENT, payment.id, work)
    if chosen:
        payment.use(sum((part.amount for part in chosen), ZERO), work.clock.now())


async def allocate_payment(
    payment_id: uuid.UUID, etag: str, parts: Sequence[Part], work: UnitOfWork
) -> Payment:
    payment = await load_payment(payment_id, work, etag)
    await allocate(payment, parts, work)
    return payment


async def change_payment(
    payment_id: uuid.UUID, etag: str, values: dict[str, Any], work: UnitOfWork
) -> Payment:
    payment = await load_payment(payment_id, work, etag)
    if "custom" in values:
        values = values | {"custom": merge_patch(payment.custom, values["custom"])}
    payment.set_all(values)
    payment.record("updated", work.clock.now())
    return payment


async def reverse_payment(payment_id: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Payment:
    """Undo the allocations, open the invoices again, enter the reversal in the account."""
    payment = await load_payment(payment_id, work, etag)
    payment.require_live()
    for allocation, invoice in await _live_allocations(payment, work):
        invoice.unsettle(allocation.amount, work.clock.now())
        allocation.reverse_time = work.clock.now()
    payment.reverse(reason, work.clock.now())
    await enter_payment(payment, EntryKind.REVERSAL, work)
    return payment


async def _live_allocations(payment: Payment, work: UnitOfWork) -> list[tuple[Allocation, Invoice]]:
    """With their invoices, locked in the order of their ids."""
    live = select(Allocation).where(Allocation.source_id == payment.id, Allocation.reverse_time.is_(None))
    allocations: list[Allocation] = await work.scalars(live)
    statement = select(Invoice).where(
        Invoice.id.in_([allocation.invoice_id for allocation in allocations]),
        unscoped(Invoice, "the invoices a payment in hand was put against"),
    )
    found: list[Invoice] = await work.scalars(statement.order_by(Invoice.id).with_for_update())
    invoices = {invoice.id: invoice for invoice in found}
    return [(allocation, invoices[allocation.invoice_id]) for allocation in allocations]
