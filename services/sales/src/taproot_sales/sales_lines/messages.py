"""Lines, totals and dates between protobuf and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from taproot.sales.v1 import product_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine, SalesTotals
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_sales.pricing.currency import decimals
from taproot_sales.sales_lines.handlers import LineCommand

PRODUCT_KIND = "PRODUCT_KIND_"
ZERO = Decimal(0)

Read = Callable[[str], Any]


def reader_of(row: Any) -> Read:
    """Reads a column of a mapped object or of a database row alike."""
    if hasattr(type(row), "__mapper__"):
        return lambda name: getattr(row, name)
    found: Read = row.__getitem__
    return found


def money(amount: Decimal | None, currency: str) -> Any:
    """With at least the decimals of the minor unit, and never an exponent."""
    if amount is None:
        return None
    exponent = amount.normalize().as_tuple().exponent
    places = max(decimals(currency), -exponent if isinstance(exponent, int) else 0)
    return Money(currency_code=currency, amount=f"{amount:.{places}f}")


def keys(read: Read, *names: str) -> dict[str, Any]:
    """Ids as text, empty for none, as fields of a message."""
    return {name: wire.text_of(read(name)) for name in names}


def instants(read: Read, *names: str) -> dict[str, Any]:
    return {name: wire.to_timestamp(read(name)) for name in names}


def days(read: Read, *names: str) -> dict[str, Any]:
    return {name: wire.to_date(read(name)) for name in names}


def amounts(read: Read, *names: str) -> dict[str, Any]:
    """Columns in the currency of the record."""
    return {name: money(read(name), read("currency_code")) for name in names}


def as_stored(read: Read, *names: str) -> dict[str, Any]:
    return {name: read(name) for name in names}


def plain(number: Decimal | None) -> str:
    """Shortest text of a decimal number; empty for none."""
    if number is None:
        return ""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def line_message(row: Any, currency: str, *, moved: bool) -> SalesLine:
    """`moved`: the line belongs to an order and knows what was delivered and returned."""
    read = reader_of(row)
    message = SalesLine(
        id=str(read("id")),
        product_id=wire.text_of(read("product_id")),
        product_kind=wire.enum_number(product_pb2.ProductKind, read("product_kind"), PRODUCT_KIND),
        quantity=plain(read("quantity")),
        discount_rate=plain(read("discount_rate")),
        tax_rate=plain(read("tax_rate")),
        total=money(read("net") + read("tax"), currency),
        **{name: read(name) for name in ("display_name", "product_code", "entitlement_months", "note")},
        **{
            name: money(read(name), currency)
            for name in ("unit_price", "list_price", "net", "tax", "exact_net")
        },
    )
    if moved:
        message.fulfilled_quantity = plain(read("fulfilled_quantity"))
        message.returned_quantity = plain(read("returned_quantity"))
    return message


def totals_message(row: Any) -> SalesTotals:
    read = reader_of(row)
    currency = read("currency_code")
    names = ("gross", "discount", "net", "tax", "total", "exact_net")
    return SalesTotals(
        discount_share=plain(read("discount_share")), **{name: money(read(name), currency) for name in names}
    )


def line_commands(lines: Iterable[SalesLine]) -> list[LineCommand]:
    return [_line_command(line) for line in lines]


def _line_command(line: SalesLine) -> LineCommand:
    priced = line.HasField("unit_price")
    return LineCommand(
        id=wire.optional_uuid(line.id),
        product_id=wire.optional_uuid(line.product_id),
        display_name=line.display_name,
        quantity=Decimal(line.quantity) if line.quantity else None,
        unit_price=Decimal(line.unit_price.amount) if priced else None,
        currency_code=line.unit_price.currency_code if priced else "",
        discount_rate=Decimal(line.discount_rate or 0),
        tax_rate=Decimal(line.tax_rate) if line.tax_rate else None,
        note=line.note,
    )


def day_of(message: Any, field: str, path: str) -> date | None:
    """A date field; raises InvalidArgument for a day that does not exist."""
    try:
        return wire.optional_date(message, field)
    except ValueError as error:
        raise InvalidArgument(
            [(f"{path}.{field}" if path else field, "is not a day of the calendar")]
        ) from error


DOCUMENT_PLAIN = ("display_name", "tax_inclusive", "note")
"""Fields of quotes and orders stored as they come."""
DOCUMENT_KEYS = ("contact_id", "opportunity_id", "team_id")


def document_values(message: Any, names: Iterable[str]) -> dict[str, Any]:
    """Columns that quotes and orders share, for those of the names that are plain."""
    values: dict[str, Any] = {}
    for name in names:
        if name in DOCUMENT_PLAIN:
            values[name] = getattr(message, name)
        elif name in DOCUMENT_KEYS:
            values[name] = wire.optional_uuid(getattr(message, name))
        elif name == "discount_rate":
            values[name] = Decimal(message.discount_rate or 0)
        elif name == "discount_amount":
            values[name] = Decimal(message.discount_amount.amount or 0)
    return values


def document_fields(read: Read, lines: Sequence[Any], *, moved: bool) -> dict[str, Any]:
    """Fields of a quote's or order's message from what both have in columns."""
    currency = read("currency_code")
    amount = read("discount_amount")
    return {
        "id": str(read("id")),
        "customer_id": str(read("customer_id")),
        "discount_rate": plain(read("discount_rate")) if read("discount_rate") else "",
        "discount_amount": money(amount, currency) if amount else None,
        "lines": [line_message(line, currency, moved=moved) for line in lines],
        "create_time": wire.to_timestamp(read("create_time")),
        "update_time": wire.to_timestamp(read("update_time")),
        "etag": str(read("version")),
        "custom": wire_struct(read("custom")),
        **{name: read(name) for name in ("number", "currency_code", "payment_terms_days", *DOCUMENT_PLAIN)},
        **{
            name: wire.text_of(read(name))
            for name in (*DOCUMENT_KEYS, "approval_id", "owner_id", "branch_id")
        },
    }


def wire_struct(values: dict[str, Any]) -> Any:
    """A jsonb object as a Struct; None when empty."""
    from google.protobuf.struct_pb2 import Struct

    if not values:
        return None
    found = Struct()
    found.update(values)
    return found
