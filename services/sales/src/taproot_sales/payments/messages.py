"""Payments between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot.sales.v1 import payment_pb2 as pb
from taproot.sales.v1 import payment_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_records.checks import Checks
from taproot_sales.invoices.rules import Part
from taproot_sales.payments.handlers import RecordPayment
from taproot_sales.payments.model import Payment
from taproot_sales.sales_lines.messages import (
    as_stored,
    day_of,
    instants,
    keys,
    money,
    reader_of,
    wire_struct,
)
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

STATE = "PAYMENT_STATE_"
CHANGEABLE = ("display_name", "method", "reference", "note")


def to_message(row: Any, allocations: Sequence[Any] = ()) -> pb.Payment:
    """From a mapped Payment or a row of its table."""
    read = reader_of(row)
    currency = read("currency_code")
    return pb.Payment(
        external_id=read("external_id") or "",
        amount=money(read("amount"), currency),
        unallocated_amount=money(read("unallocated"), currency),
        state=wire.enum_number(pb.PaymentState, read("state"), STATE),
        payment_date=wire.to_date(read("payment_date")),
        allocations=[_allocation(stored, currency) for stored in allocations],
        etag=str(read("version")),
        custom=wire_struct(read("custom")),
        **keys(read, "id", "customer_id", "owner_id", "branch_id", "team_id"),
        **as_stored(read, "number", "reverse_reason", *CHANGEABLE),
        **instants(read, "create_time", "update_time"),
    )


def _allocation(row: Any, currency: str) -> pb.Allocation:
    read = reader_of(row)
    return pb.Allocation(
        invoice_id=str(read("invoice_id")),
        amount=money(read("amount"), currency),
        allocate_time=wire.to_timestamp(read("create_time")),
    )


def to_event(payment: Payment, _recorded: Recorded) -> PaymentEvent:
    return PaymentEvent(payment=to_message(payment))


def parse_new(request: rpc.CreatePaymentRequest) -> RecordPayment:
    message = request.payment
    violations = []
    if not message.customer_id:
        violations.append(Violation("payment.customer_id", "is required"))
    if not message.HasField("amount"):
        violations.append(Violation("payment.amount", "is required"))
    if request.auto_allocate and message.allocations:
        violations.append(Violation("auto_allocate", "not together with payment.allocations"))
    checks, day, parts, custom = Checks(), None, list[Part](), dict[str, Any]()
    currency = message.amount.currency_code
    with checks:
        if violations:
            raise InvalidArgument(violations)
    with checks:
        day = day_of(message, "payment_date", "payment")
    with checks:
        parts = parts_of(message.allocations, currency, "payment.allocations")
    with checks:
        custom = custom_values(message.custom, "payment.custom")
    checks.done()
    return RecordPayment(
        id=wire.optional_uuid(message.id),
        customer_id=uuid.UUID(message.customer_id),
        amount=Decimal(message.amount.amount),
        currency_code=currency,
        payment_date=day,
        parts=parts,
        auto_allocate=request.auto_allocate,
        external_id=message.external_id,
        owner_id=wire.optional_uuid(message.owner_id),
        branch_id=wire.optional_uuid(message.branch_id),
        team_id=wire.optional_uuid(message.team_id),
        custom=custom,
        **{name: getattr(message, name) for name in CHANGEABLE},
    )


def parts_of(allocations: Iterable[pb.Allocation], currency: str, path: str) -> list[Part]:
    """`currency` empty: that of the payment, which is not known yet; checked by the handler."""
    violations, parts = [], []
    for number, allocation in enumerate(allocations):
        amount = Decimal(allocation.amount.amount or 0)
        if amount <= 0:
            violations.append(Violation(f"{path}[{number}].amount", "is required and must be above 0"))
        if currency and allocation.amount.currency_code not in ("", currency):
            violations.append(Violation(f"{path}[{number}].amount.currency_code", f"must be {currency}"))
        parts.append(Part(allocation.invoice_id, amount, allocation.amount.currency_code))
    if violations:
        raise InvalidArgument(violations)
    return parts


UPDATED = (*CHANGEABLE, "custom", "team_id")


def change_values(message: pb.Payment, names: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(message, name) for name in names if name in CHANGEABLE}
    if "team_id" in names:
        values["team_id"] = wire.optional_uuid(message.team_id)
    if "custom" in names:
        values["custom"] = custom_values(message.custom, "payment.custom")
    return values
