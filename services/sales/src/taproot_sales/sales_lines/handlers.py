"""Writing the lines of a document: products and prices from the catalogue, every violation at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from taproot_base.errors import InvalidArgument, Violation
from taproot_base.ids import new_id
from taproot_records.checks import Checks
from taproot_sales.sales_lines.catalogue import CatalogueEntry, Item, PriceTerms, find_prices, find_products
from taproot_storage.database import Reader

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class LineCommand:
    """A line as asked for; what is None comes from the catalogue."""

    id: uuid.UUID | None
    product_id: uuid.UUID | None
    display_name: str
    quantity: Decimal | None
    unit_price: Decimal | None
    currency_code: str
    discount_rate: Decimal
    tax_rate: Decimal | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the prices of a document depend on, and where its faults are."""

    path: str
    day: date
    customer_class: str
    discount_currency: str


@dataclass(frozen=True, slots=True)
class Written:
    """One line resolved: the command, its product and its price in the catalogue."""

    command: LineCommand
    product: CatalogueEntry | None
    list_price: Decimal | None

    @property
    def unit_price(self) -> Decimal | None:
        return self.list_price if self.command.unit_price is None else self.command.unit_price


async def write_lines(
    kind: type[L], commands: Sequence[LineCommand], terms: PriceTerms, reader: Reader, path: str
) -> list[L]:
    """New lines of `kind` in order. `path` names the lines in violations, such as `order.lines`."""
    products = await find_products({c.product_id for c in commands if c.product_id}, reader)
    items = [item for c in commands if (item := _item(c)) is not None and item[0] in products]
    prices = await find_prices(list(dict.fromkeys(items)), terms, products, reader)
    written = [_written(command, products, prices) for command in commands]
    violations = [v for n, line in enumerate(written) for v in _violations(line, terms, f"{path}[{n}]")]
    violations += _repeated_ids(commands, path)
    if violations:
        raise InvalidArgument(violations)
    return [kind(**_values(line, position)) for position, line in enumerate(written)]


def _item(command: LineCommand) -> Item | None:
    if command.product_id is None or not command.quantity:
        return None
    return (command.product_id, command.quantity)


def _written(
    command: LineCommand, products: Mapping[uuid.UUID, CatalogueEntry], prices: Mapping[Item, Decimal]
) -> Written:
    product = products.get(command.product_id) if command.product_id else None
    item = _item(command)
    return Written(command, product, prices.get(item) if item else None)


def currency_of(asked: str, commands: Iterable[LineCommand], default: str) -> str:
    """Currency of a document: as asked, else of its first priced line, else the service's."""
    return asked or next((c.currency_code for c in commands if c.currency_code), default)


def check_discounts(document: Any, amount_currency: str, path: str) -> None:
    """Before pricing. `amount_currency`: currency in which `discount_amount` was given."""
    amount = document.discount_amount
    violations = []
    if document.discount_rate and amount:
        violations.append((f"{path}.discount_amount", "not together with discount_rate"))
    if amount < 0:
        violations.append((f"{path}.discount_amount", "must not be negative"))
    if amount and amount_currency != document.currency_code:
        violations.append((f"{path}.discount_amount", f"must be in {document.currency_code}"))
    if violations:
        raise InvalidArgument(violations)


def check_discount_within(document: Any, path: str) -> None:
    """After pricing: an amount off the document cannot be more than its lines come to."""
    lines = sum(
        (line.quantity * line.unit_price * (1 - line.discount_rate) for line in document.lines), Decimal(0)
    )
    if document.discount_amount > lines:
        raise InvalidArgument([(f"{path}.discount_amount", "is more than the lines come to")])


def _violations(line: Written, terms: PriceTerms, path: str) -> Iterable[Violation]:
    command = line.command
    if command.product_id is None and not command.display_name:
        yield Violation(f"{path}.product_id", "a product or a display_name is required")
    if command.product_id is not None and line.product is None:
        yield Violation(f"{path}.product_id", "does not exist")
    if not command.quantity:
        yield Violation(f"{path}.quantity", "is required and must be above 0")
    if line.unit_price is None:
        yield Violation(
            f"{path}.unit_price", f"is required: the catalogue has no price in {terms.currency_code}"
        )
    elif line.unit_price < 0:
        yield Violation(f"{path}.unit_price", "must not be negative")
    if command.currency_code not in ("", terms.currency_code):
        yield Violation(f"{path}.unit_price.currency_code", f"must be {terms.currency_code}")


async def write_document(
    document: Any, kind: type[L], commands: Sequence[LineCommand], asked: Asked, reader: Reader
) -> list[L]:
    """Lines of a quote or an order whose discounts are checked with them."""
    checks, lines = Checks(), list[L]()
    terms = PriceTerms(document.currency_code, asked.day, asked.customer_class, document.tax_inclusive)
    with checks:
        check_discounts(document, asked.discount_currency, asked.path)
    with checks:
        lines = await write_lines(kind, commands, terms, reader, f"{asked.path}.lines")
    checks.done()
    return lines


def _repeated_ids(commands: Sequence[LineCommand], path: str) -> Iterable[Violation]:
    seen: set[uuid.UUID] = set()
    for number, command in enumerate(commands):
        if command.id in seen:
            yield Violation(f"{path}[{number}].id", "is used twice")
        if command.id is not None:
            seen.add(command.id)


def _values(line: Written, position: int) -> dict[str, Any]:
    command, product = line.command, line.product
    tax_rate = (
        command.tax_rate if command.tax_rate is not None else product.tax_rate if product else Decimal(0)
    )
    return {
        "id": command.id or new_id(),
        "position": position,
        "product_id": command.product_id,
        "display_name": command.display_name or (product.display_name if product else ""),
        "product_code": product.code if product else "",
        "product_kind": product.kind if product else "",
        "entitlement_months": product.entitlement_months if product else 0,
        "quantity": command.quantity,
        "unit_price": line.unit_price,
        "list_price": line.list_price,
        "discount_rate": command.discount_rate,
        "tax_rate": tax_rate,
        "note": command.note,
    }
