"""Use cases of orders."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.orm import selectinload

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer
from taproot_records.checks import Checks
from taproot_records.writing import discard, load, patched
from taproot_sales.approvals.handlers import Ask, ask_if_needed, withdraw
from taproot_sales.approvals.model import Approval
from taproot_sales.approvals.rules import ApprovalState
from taproot_sales.invoices.credit import require_credit
from taproot_sales.orders.model import (
    ApprovalPending,
    ExternalIdTaken,
    ImportNotAllowed,
    Order,
    OrderLine,
)
from taproot_sales.orders.rules import OrderState
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

IMPORT = "orders.import"
IMPORT_STATES = (
    OrderState.DRAFT,
    OrderState.SUBMITTED,
    OrderState.CONFIRMED,
    OrderState.FULFILLED,
    OrderState.RETURNED,
    OrderState.CANCELLED,
)
ZERO = Decimal(0)

_next_numbers = Statement(
    lambda: select(func.nextval("orders_serial_seq")).select_from(
        func.generate_series(1, bindparam("count", type_=Integer))
    )
)


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """`values` are plain columns; what is computed or checked has a field of its own."""

    id: uuid.UUID | None
    customer_id: uuid.UUID
    lines: Sequence[LineCommand]
    currency_code: str
    default_currency: str
    discount_amount_currency: str = ""
    external_id: str = ""
    state: OrderState | None = None
    order_date: date | None = None
    fulfil_date: date | None = None
    quote_id: uuid.UUID | None = None
    owner_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    values: dict[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    path: str = "order"

    @property
    def historic(self) -> bool:
        return self.state not in (None, OrderState.DRAFT)

    @property
    def imported(self) -> bool:
        return self.historic or self.order_date is not None or self.fulfil_date is not None


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    id: uuid.UUID
    etag: str
    values: dict[str, Any]
    lines: Sequence[LineCommand] | None
    discount_amount_currency: str


async def create_orders(commands: Sequence[CreateOrder], work: UnitOfWork) -> list[Order]:
    """All or none. The caller holds the advisory locks of the external ids."""
    if any(command.imported for command in commands):
        _require_import()
    checks = Checks()
    if current_call().principal.kind == "portal":
        with checks:
            _check_portal(commands)
    await _require_new(commands, work)
    customers = await find_customers({command.customer_id for command in commands}, work)
    serials = await work.fetch(_next_numbers, count=len(commands))
    placer = Placer("orders", work)
    orders = []
    for command, serial in zip(commands, serials, strict=True):
        customer = customers.get(command.customer_id)
        if customer is None:
            checks.refuse(f"{command.path}.customer_id", "does not exist or is not visible to you")
            continue
        with checks:
            orders.append(await _new_order(command, serial[0], customer, placer, work))
    checks.done()
    await work.add(*orders)
    return orders


async def next_serial(work: UnitOfWork) -> int:
    serial: int = await work.fetch_value(_next_numbers, count=1)
    return serial


def number_of(serial: int) -> str:
    return f"SO-{serial:06d}"


async def create_order(command: CreateOrder, work: UnitOfWork) -> Order:
    return (await create_orders([command], work))[0]


async def _new_order(
    command: CreateOrder, serial: int, customer: CustomerRef, placer: Placer, work: UnitOfWork
) -> Order:
    now = work.clock.now()
    place = await place_document(placer, customer, command.owner_id, command.branch_id)
    order = Order(
        id=command.id or new_id(),
        serial=serial,
        number=number_of(serial),
        external_id=command.external_id or None,
        customer_id=command.customer_id,
        quote_id=command.quote_id,
        currency_code=currency_of(command.currency_code, command.lines, command.default_currency),
        order_date=command.order_date or now.date(),
        fulfil_date=command.fulfil_date,
        owner_id=place.owner_id,
        branch_id=place.branch_id,
        branch_path=place.branch_path,
        **command.values,
    )
    order.display_name = order.display_name or order.number
    await _set_lines(order, command.lines, command.discount_amount_currency, customer, work, command.path)
    if command.historic and command.state is not None:
        order.load_history(_importable(command.state, command.path), now)
    else:
        order.create(now)
    check_discount_within(order, command.path)
    return order


async def _set_lines(
    order: Order,
    lines: Sequence[LineCommand],
    discount_currency: str,
    customer: CustomerRef,
    work: UnitOfWork,
    path: str,
) -> None:
    asked = Asked(path, order.order_date, customer.value_class, discount_currency)
    order.lines = await write_document(order, OrderLine, lines, asked, work)


def _importable(state: OrderState, path: str) -> OrderState:
    if state not in IMPORT_STATES:
        raise InvalidArgument([(f"{path}.state", "cannot be loaded: it needs quantities per line")])
    return state


def _require_import() -> None:
    call = current_call()
    if call.principal.kind != "user":
        raise ImportNotAllowed("only users load history", permission=IMPORT)
    call.directory.require(call.principal, IMPORT)


def _check_portal(commands: Sequence[CreateOrder]) -> None:
    """A customer who orders alone takes the catalogue's prices as they are."""
    violations = []
    for command in commands:
        fixed = ("discount_rate", "discount_amount", "payment_terms_days")
        violations += [
            (f"{command.path}.{name}", "is set by staff only") for name in fixed if name in command.given
        ]
        for number, line in enumerate(command.lines):
            chosen = line.unit_price is not None or line.discount_rate or line.tax_rate is not None
            if chosen or line.product_id is None:
                violations.append((f"{command.path}.lines[{number}]", "takes product and quantity only"))
    if violations:
        raise InvalidArgument(violations)


async def _require_new(commands: Sequence[CreateOrder], work: UnitOfWork) -> None:
    """Keys of another system are unique, within the batch as well."""
    wanted = [command.external_id for command in commands if command.external_id]
    repeated = {key for key in wanted if wanted.count(key) > 1} if len(set(wanted)) < len(wanted) else set()
    statement = select(Order.external_id).where(
        Order.external_id.in_(wanted), unscoped(Order, "external ids are unique everywhere")
    )
    taken = {row["external_id"] for row in await work.fetch(statement)} if wanted else set()
    if taken | repeated:
        raise ExternalIdTaken(
            "orders with these external ids exist", external_ids=", ".join(sorted(taken | repeated))
        )


async def load_order(order_id: uuid.UUID, etag: str, work: UnitOfWork) -> Order:
    """With its lines, locked until the end of the transaction: verbs on one order come one after the other."""
    return await load(work, Order, order_id, etag, options=[selectinload(Order.lines)])


async def change_order(command: ChangeOrder, work: UnitOfWork) -> Order:
    order = await load_order(command.id, command.etag, work)
    order.require(OrderState.DRAFT)
    values = patched(order, dict(command.values))
    customer_id = values.get("customer_id", order.customer_id)
    customers = await find_customers({customer_id}, work)
    if customer_id not in customers:
        raise InvalidArgument([("order.customer_id", "does not exist or is not visible to you")])
    order.set_all(values)
    discount_currency = command.discount_amount_currency or order.currency_code
    if command.lines is None:
        check_discounts(order, discount_currency, "order")
    else:
        await _clear_lines(order, work)
        await _set_lines(order, command.lines, discount_currency, customers[customer_id], work, "order")
    order.change(work.clock.now())
    check_discount_within(order, "order")
    return order


async def _clear_lines(order: Order, work: UnitOfWork) -> None:
    """Old lines go first, so that new ones may take their positions and ids."""
    order.lines = []
    await work.flush()


async def delete_order(order_id: uuid.UUID, etag: str, work: UnitOfWork) -> Order:
    order = await load_order(order_id, etag, work)
    order.require(OrderState.DRAFT)
    order.record("deleted", work.clock.now())
    await discard(work, order)
    return order


async def submit_order(order_id: uuid.UUID, etag: str, work: UnitOfWork) -> Order:
    """Place it; an approval starts when a policy demands one."""
    order = await load_order(order_id, etag, work)
    order.submit(work.clock.now())
    approval = await ask_if_needed(ask_of(order), work)
    order.approval_id = approval.id if approval else None
    return order


def ask_of(order: Order) -> Ask:
    return Ask(
        subject_type="order",
        subject_id=order.id,
        display_name=order.display_name,
        customer_id=order.customer_id,
        discount_share=order.discount_share,
        total=order.total,
        currency_code=order.currency_code,
        branch_id=order.branch_id,
        branch_path=order.branch_path,
        team_id=order.team_id,
    )


async def confirm_order(order_id: uuid.UUID, etag: str, work: UnitOfWork, *, override_credit: bool) -> Order:
    order = await load_order(order_id, etag, work)
    order.require(OrderState.SUBMITTED)
    await _require_approved(order, work)
    if override_credit:
        call = current_call()
        call.directory.require(call.principal, "orders.override_credit")
    else:
        await require_credit(order, work)
    order.confirm(work.clock.now())
    return order


async def _require_approved(order: Order, work: UnitOfWork) -> None:
    if order.approval_id is None:
        return
    statement = select(Approval.state).where(
        Approval.id == order.approval_id, unscoped(Approval, "the approval of an order in hand")
    )
    state = await work.fetch_value(statement)
    if state != ApprovalState.APPROVED:
        raise ApprovalPending("the order waits for its approval", approval_id=str(order.approval_id))


async def cancel_order(order_id: uuid.UUID, etag: str, reason: str, work: UnitOfWork) -> Order:
    order = await load_order(order_id, etag, work)
    order.cancel(reason, work.clock.now())
    await withdraw("order", order.id, work)
    return order
