"""Use cases of quotes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import selectinload

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer
from taproot_records.writing import discard, load, patched
from taproot_sales.approvals.handlers import Ask, ask_if_needed, withdraw
from taproot_sales.orders.handlers import next_serial, number_of
from taproot_sales.orders.model import Order, OrderLine
from taproot_sales.quotes.model import DEFAULT_VALIDITY, Quote, QuoteLine, QuoteState
from taproot_sales.sales_lines.customers import CustomerRef, find_customers, place_document
from taproot_sales.sales_lines.handlers import (
    Asked,
    LineCommand,
    check_discount_within,
    check_discounts,
    currency_of,
    write_document,
)
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

COPIED = (
    "customer_id", "contact_id", "opportunity_id", "currency_code", "tax_inclusive",
    "discount_rate", "discount_amount", "payment_terms_days", "note", "owner_id", "branch_id",
    "branch_path", "team_id", "custom",
)  # fmt: skip
COPIED_LINE = (
    "position", "product_id", "display_name", "product_code", "product_kind", "entitlement_months", "quantity",
    "unit_price", "list_price", "discount_rate", "tax_rate", "note",
)  # fmt: skip

_next_number = Statement(lambda: select(func.nextval("quotes_serial_seq")))
_newest = Statement(
    lambda: select(func.max(Quote.revision)).where(
        Quote.number == bindparam("number"), unscoped(Quote, "versions of a quote in hand")
    )
)


@dataclass(frozen=True, slots=True)
class CreateQuote:
    """`values` are plain columns; what is computed or checked has a field of its own."""

    id: uuid.UUID | None
    customer_id: uuid.UUID
    lines: Sequence[LineCommand]
    currency_code: str
    default_currency: str
    discount_amount_currency: str
    valid_until: date | None
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeQuote:
    id: uuid.UUID
    etag: str
    values: dict[str, Any]
    lines: Sequence[LineCommand] | None
    discount_amount_currency: str


async def create_quote(command: CreateQuote, work: UnitOfWork) -> Quote:
    now = work.clock.now()
    customer = await _customer(command.customer_id, work)
    place = await place_document(Placer("quotes", work), customer, command.owner_id, command.branch_id)
    serial = await work.fetch_value(_next_number)
    quote = Quote(
        id=command.id or new_id(),
        serial=serial,
        number=f"Q-{serial:06d}",
        customer_id=command.customer_id,
        currency_code=currency_of(command.currency_code, command.lines, command.default_currency),
        valid_until=command.valid_until or now.date() + DEFAULT_VALIDITY,
        owner_id=place.owner_id,
        branch_id=place.branch_id,
        branch_path=place.branch_path,
        **command.values,
    )
    quote.display_name = quote.display_name or quote.number
    await _set_lines(quote, command.lines, command.discount_amount_currency, customer, work)
    quote.create(now)
    check_discount_within(quote, "quote")
    await work.add(quote)
    return quote


async def _customer(customer_id: uuid.UUID, work: UnitOfWork) -> CustomerRef:
    found = await find_customers({customer_id}, work)
    if customer_id not in found:
        raise InvalidArgument([("quote.customer_id", "does not exist or is not visible to you")])
    return found[customer_id]


async def _set_lines(
    quote: Quote,
    lines: Sequence[LineCommand],
    discount_currency: str,
    customer: CustomerRef,
    work: UnitOfWork,
) -> None:
    asked = Asked("quote", work.clock.now().date(), customer.value_class, discount_currency)
    quote.lines = await write_document(quote, QuoteLine, lines, asked, work)


async def load_quote(quote_id: uuid.UUID, etag: str, work: UnitOfWork) -> Quote:
    """With its lines, locked until the end of the transaction: verbs on one quote come one after the other."""
    return await load(work, Quote, quote_id, etag, options=[selectinload(Quote.lines)])


async def change_quote(command: ChangeQuote, work: UnitOfWork) -> Quote:
    quote = await load_quote(command.id, command.etag, work)
    quote.require(QuoteState.DRAFT)
    values = patched(quote, dict(command.values))
    customer = await _customer(values.get("customer_id", quote.customer_id), work)
    quote.set_all(values)
    discount_currency = command.discount_amount_currency or quote.currency_code
    if command.lines is None:
        check_discounts(quote, discount_currency, "quote")
    else:
        quote.lines = []
        await work.flush()  # old lines go first, so that new ones may take their positions and ids
        await _set_lines(quote, command.lines, discount_currency, customer, work)
    quote.change(work.clock.now())
    check_discount_within(quote, "quote")
    return quote


async def delete_quote(quote_id: uuid.UUID, etag: str, work: UnitOfWork) -> Quote:
    quote = await load_quote(quote_id, etag, work)
    quote.require(QuoteState.DRAFT)
    quote.record("deleted", work.clock.now())
    await discard(work, quote)
    return quote


async def submit_quote(quote_id: uuid.UUID, etag: str, comment: str, work: UnitOfWork) -> Quote:
    """Start the approval that a policy demands, or approve at once where none does."""
    quote = await load_quote(quote_id, etag, work)
    quote.submit(work.clock.now())
    approval = await ask_if_needed(_ask(quote, comment), work)
    if approval is None:
        quote.approve(work.clock.now())
    else:
        quote.approval_id = approval.id
    return quote


def _ask(quote: Quote, comment: str) -> Ask:
    return Ask(
        subject_type="quote",
        subject_id=quote.id,
        display_name=quote.display_name,
        customer_id=quote.customer_id,
        discount_share=quote.discount_share,
        total=quote.total,
        currency_code=quote.currency_code,
        branch_id=quote.branch_id,
        branch_path=quote.branch_path,
        team_id=quote.team_id,
        comment=comment,
    )


async def send_quote(quote_id: uuid.UUID, etag: str, work: UnitOfWork) -> Quote:
    quote = await load_quote(quote_id, etag, work)
    quote.send(work.clock.now().date(), work.clock.now())
    return quote


async def accept_quote(quote_id: uuid.UUID, etag: str, reference: str, work: UnitOfWork) -> Quote:
    """Make the one order of the quote, placed at once. The lock on the quote makes it one."""
    quote = await load_quote(quote_id, etag, work)
    now = work.clock.now()
    serial = await next_serial(work)
    order = Order(
        id=new_id(),
        serial=serial,
        number=number_of(serial),
        quote_id=quote.id,
        order_date=now.date(),
        customer_reference=reference,
        lines=[OrderLine(id=new_id(), **_values(line, COPIED_LINE)) for line in quote.lines],
        **_values(quote, COPIED),
    )
    order.display_name = quote.display_name if quote.display_name != quote.number else order.number
    quote.accept(order.id, now.date(), now)
    order.create(now)
    order.submit(now)
    await work.add(order)
    return quote


async def reject_quote(quote_id: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Quote:
    quote = await load_quote(quote_id, etag, work)
    quote.reject(reason, work.clock.now())
    return quote


async def revise_quote(quote_id: uuid.UUID, etag: str, work: UnitOfWork) -> Quote:
    """The next version as a draft; an approval still open for the old one is recalled."""
    old = await load_quote(quote_id, etag, work)
    now = work.clock.now()
    old.supersede(now)
    await withdraw("quote", old.id, work)
    quote = Quote(
        id=new_id(),
        serial=old.serial,
        number=old.number,
        revision=await work.fetch_value(_newest, number=old.number) + 1,
        previous_version_id=old.id,
        valid_until=max(old.valid_until, now.date() + DEFAULT_VALIDITY),
        display_name=old.display_name,
        terms=old.terms,
        lines=[QuoteLine(id=new_id(), **_values(line, COPIED_LINE)) for line in old.lines],
        **_values(old, COPIED),
    )
    quote.create(now)
    await work.add(quote)
    return quote


def _values(source: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}
