"""Use cases of products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taproot_base.errors import AppError, InvalidArgument
from taproot_base.text import normalize
from taproot_sales.base import flush_unique
from taproot_sales.catalog import queries
from taproot_sales.catalog.model import Product, ProductCodeExists, component_ids
from taproot_sales.fields import patched
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

REFUSALS = {"uq_products_code_key": ProductCodeExists}


@dataclass(frozen=True)
class CreateProduct:
    id: UUID
    values: dict[str, Any]


@dataclass(frozen=True)
class UpdateProduct:
    id: UUID
    etag: str
    values: dict[str, Any]


@dataclass(frozen=True)
class ProductVerb:
    id: UUID
    etag: str = ""


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
    await flush_unique(work, REFUSALS)
    return outcomes


async def _attempt(command: CreateProduct | AppError, taken: set[str], work: UnitOfWork) -> Outcome:
    if isinstance(command, AppError):
        return Outcome(error=command)
    try:
        await _check_components(command.id, command.values, work)
        product = Product.create({"id": command.id} | command.values, work.clock.now())
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


async def _check_components(product_id: UUID, values: dict[str, Any], work: UnitOfWork) -> None:
    """Parts of a bundle exist and are no bundles themselves."""
    wanted = component_ids(values.get("components", []))
    known = await queries.products_by_id(work, wanted) if wanted else {}
    faults = []
    for number, key in enumerate(wanted):
        path = f"product.components[{number}].product_id"
        if key not in known:
            faults.append((path, "is not a product"))
        elif key == product_id or known[key].components:
            faults.append((path, "is a bundle itself"))
    if faults:
        raise InvalidArgument(faults)


async def update_product(command: UpdateProduct, work: UnitOfWork) -> Product:
    product = await queries.load(work, command.id)
    check_etag(command.etag, product.version)
    await _check_components(command.id, command.values, work)
    product.change(patched(command.values, product.custom), work.clock.now())
    await flush_unique(work, REFUSALS)
    return product


async def delete_product(command: ProductVerb, work: UnitOfWork) -> Product:
    product = await queries.load(work, command.id)
    check_etag(command.etag, product.version)
    product.delete(work.clock.now())
    return product


async def undelete_product(command: ProductVerb, work: UnitOfWork) -> Product:
    product = await queries.load(work, command.id, deleted=True)
    check_etag(command.etag, product.version)
    product.undelete(work.clock.now())
    return product
