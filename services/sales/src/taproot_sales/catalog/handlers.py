"""Use cases of products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from taproot_base.errors import AppError, InvalidArgument
from taproot_base.text import normalize
from taproot_records.checks import Checks
from taproot_records.keeping import flush_unique, update_record
from taproot_records.mapping import Values
from taproot_records.writing import new_key
from taproot_sales.catalog import queries
from taproot_sales.catalog.model import Product, ProductCodeExists, component_ids
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True)
class CreateProduct:
    """`chosen`: the key the client chose, or empty."""

    chosen: str
    values: Values


@dataclass(frozen=True)
class Outcome:
    """What became of one product of a batch: `product` or `error`."""

    product: Product | None = None
    error: AppError | None = None


async def create_product(command: CreateProduct, work: UnitOfWork) -> Product:
    outcome = (await create_products([command], work, partial=True))[0]
    if outcome.error is not None:
        raise outcome.error
    assert outcome.product is not None
    return outcome.product


async def create_products(
    commands: Sequence[CreateProduct | AppError], work: UnitOfWork, *, partial: bool
) -> list[Outcome]:
    """All in this transaction; without `partial` one error refuses the whole batch."""
    wanted = [normalize(c.values.get("code", "")) for c in commands if isinstance(c, CreateProduct)]
    taken = await queries.taken_codes(work, wanted)
    outcomes = [await _attempt(command, taken, work) for command in commands]
    if not partial:
        _refuse(outcomes)
    await work.add(*(outcome.product for outcome in outcomes if outcome.product is not None))
    await flush_unique(work, Product.refusals)
    return outcomes


async def _attempt(command: CreateProduct | AppError, taken: set[str], work: UnitOfWork) -> Outcome:
    if isinstance(command, AppError):
        return Outcome(error=command)
    try:
        key = await new_key(work, Product, command.chosen)
        checks, product = Checks(), None
        with checks:
            await _check_components(key, command.values, work)
        with checks:
            product = Product.create({"id": key} | command.values, work.clock.now())
        checks.done()
        assert product is not None
        if product.code_key in taken:
            raise ProductCodeExists(product.code)
    except AppError as error:
        return Outcome(error=error)
    taken.add(product.code_key)
    return Outcome(product=product)


def _refuse(outcomes: list[Outcome]) -> None:
    """Every violation with its path; an error of another kind as it is."""
    faults = []
    for number, outcome in enumerate(outcomes):
        if outcome.error is not None and not outcome.error.violations:
            raise outcome.error
        listed = outcome.error.violations if outcome.error else ()
        faults += [(f"requests[{number}].{fault.field}", fault.description) for fault in listed]
    if faults:
        raise InvalidArgument(faults)


async def _check_components(product_id: UUID, values: Values, work: UnitOfWork) -> None:
    """Parts of a bundle exist and are no bundles themselves."""
    wanted = component_ids(values.get("components", []))
    known = await queries.products_by_id(work, wanted) if wanted else {}
    faults = []
    for number, key in enumerate(wanted):
        path = f"product.components[{number}].product_id"
        if key not in known:
            faults.append((path, "is not a product"))
        elif key == product_id or known[key]["components"]:
            faults.append((path, "is a bundle itself"))
    if faults:
        raise InvalidArgument(faults)


async def update_product(key: str, etag: str, values: Values, work: UnitOfWork) -> Product:
    return await update_record(
        Product, key, etag, values, work, lambda: _check_components(UUID(key), values, work)
    )
