"""Use cases of custom fields: a definition is in force in this service when its change is committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from taproot_base.errors import InvalidArgument
from taproot_chassis.customfields import Holdings, define
from taproot_custom import store
from taproot_custom.changing import check_stored
from taproot_custom.specs import Spec
from taproot_customer.custom_fields.model import CustomField
from taproot_records.keeping import create_record, flush_unique
from taproot_records.mapping import Values
from taproot_records.writing import load
from taproot_storage.database import UnitOfWork

KnowsType = Callable[[UnitOfWork, str], Awaitable[bool]]


async def create_custom_field(
    chosen: str, values: Values, work: UnitOfWork, holdings: Holdings, knows: KnowsType
) -> CustomField:
    """`knows`: whether there is such a type of record."""

    async def types() -> None:
        await _check_types(values, work, knows)

    await store.hold_alone(work)
    made = await create_record(CustomField, chosen, values, work, types)
    await _put_in_force(made, None, work, holdings)
    return made


async def _check_types(values: Values, work: UnitOfWork, knows: KnowsType) -> None:
    unknown = [
        (f"custom_field.{name}", "there is no such type of record")
        for name in ("resource_type", "reference_type")
        if values.get(name) and not await knows(work, values[name])
    ]
    if unknown:
        raise InvalidArgument(unknown)


async def update_custom_field(
    key: str, etag: str, values: Values, work: UnitOfWork, holdings: Holdings
) -> CustomField:
    await store.hold_alone(work)
    field = await load(work, CustomField, key, etag)
    before = field.spec()
    field.change(values, work.clock.now())
    await flush_unique(work)
    await _put_in_force(field, before, work, holdings)
    return field


async def retire_custom_field(key: str, etag: str, work: UnitOfWork, holdings: Holdings) -> CustomField:
    await store.hold_alone(work)
    field = await load(work, CustomField, key, etag)
    field.retire(work.clock.now())
    await work.flush()
    await define(work, field.spec(), field.version, holdings.of(field.resource_type))
    return field


async def restore_custom_field(key: str, etag: str, work: UnitOfWork, holdings: Holdings) -> CustomField:
    """Values were not followed meanwhile: what is stored is checked as for a new field."""
    await store.hold_alone(work)
    field = await load(work, CustomField, key, etag)
    field.restore(work.clock.now())
    await work.flush()
    await _put_in_force(field, None, work, holdings)
    return field


async def _put_in_force(
    field: CustomField, before: Spec | None, work: UnitOfWork, holdings: Holdings
) -> None:
    spec, holding = field.spec(), holdings.of(field.resource_type)
    if holding is not None:
        await check_stored(work, spec, before, holding)
    await define(work, spec, field.version, holding, strict=True)
