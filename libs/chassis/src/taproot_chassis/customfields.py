"""Fields of the enterprise's own in every service: heard of by events, filled by an operation."""

from __future__ import annotations

import functools
import importlib
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pool
from google.protobuf.empty_pb2 import Empty

import taproot
from taproot.customer.events.v1.custom_field_event_pb2 import CustomFieldEvent
from taproot.customer.v1 import custom_field_pb2 as pb
from taproot.options.v1.options_pb2 import Sensitivity
from taproot_base.descriptors import custom_type
from taproot_chassis import operations
from taproot_chassis.consumers import SubscriberKind, Subscription
from taproot_custom import store
from taproot_custom.changing import Holding, count_values, fill_batch, put_in_force
from taproot_custom.specs import Option, Spec
from taproot_storage.schema import custom_fields

if TYPE_CHECKING:
    from taproot_chassis.events import Event
    from taproot_chassis.operations import Run
    from taproot_storage.database import UnitOfWork

CUSTOM_FIELDS_FROM = "customer"
INDEX = "index_custom_field"
_SAME = (
    "resource_type", "key", "required", "unique", "default_value", "scale", "minimum", "maximum", "min_length",
    "max_length", "pattern", "reference_type", "filterable", "searchable",
)  # fmt: skip


class Holdings:
    """Which mapped classes of a service have fields of the enterprise's own, by type of record.

    A class with `custom_prefix` holds many types: `<prefix><value of its column type>`.
    """

    def __init__(self, classes: Iterable[Any]) -> None:
        mine = [each for each in classes if hasattr(each, "aggregate_type") and hasattr(each, "custom")]
        self._single = {each.aggregate_type: each for each in mine if not hasattr(each, "custom_prefix")}
        self._many = [each for each in mine if hasattr(each, "custom_prefix")]

    def of(self, resource: str) -> Holding | None:
        """None for records of another service."""
        for each in self._many:
            if resource.startswith(each.custom_prefix):
                kind = resource.removeprefix(each.custom_prefix)
                return Holding(each, each.__table__.c.type == kind)
        found = self._single.get(resource)
        return None if found is None else Holding(found)


@cache
def record_types() -> frozenset[str]:
    """Every type of record in the contracts that has fields of the enterprise's own."""
    # A namespace: any folder of this name on the path is a part of it.
    folders = map(Path, taproot.__path__)
    names = sorted(path.relative_to(one.parent) for one in folders for path in one.glob("*/v1/*_pb2.py"))
    for name in names:
        importlib.import_module(".".join(name.with_suffix("").parts))
    pool = descriptor_pool.Default()
    files = [pool.FindFileByName(str(name).removesuffix("_pb2.py") + ".proto") for name in names]
    kinds = {custom_type(kind) for file in files for kind in file.message_types_by_name.values()}
    return frozenset(kinds - {""})


def spec_of(message: pb.CustomField) -> Spec:
    kind = pb.CustomFieldType.Name(message.type).removeprefix("CUSTOM_FIELD_TYPE_").lower()
    return Spec(
        type=kind,
        labels=dict(message.labels),
        help_texts=dict(message.help_texts),
        options=tuple(Option(option.key, dict(option.labels)) for option in message.options),
        sensitivity=sensitivity_name(message.sensitivity),
        retired=message.state == pb.CUSTOM_FIELD_STATE_RETIRED,
        **{name: getattr(message, name) for name in _SAME},
    )


def sensitivity_name(number: Sensitivity.ValueType) -> str:
    return Sensitivity.Name(number).removeprefix("SENSITIVITY_").lower() if number else ""


def subscription(holdings: Holdings) -> Subscription:
    return Subscription(
        name="custom-fields",
        source=CUSTOM_FIELDS_FROM,
        events=("custom_field.*",),
        handler=functools.partial(_apply, holdings=holdings),
        kind=SubscriberKind.PROJECTION,
        tables=(custom_fields,),
    )


async def _apply(event: Event, work: UnitOfWork, holdings: Holdings) -> None:
    spec = spec_of(event.decode(CustomFieldEvent).custom_field)
    await store.hold_alone(work)
    await define(work, spec, event.version, holdings.of(spec.resource_type))


async def define(
    work: UnitOfWork, spec: Spec, version: int, holding: Holding | None, *, strict: bool = False
) -> None:
    """Put a definition in force; an operation of the caller fills the index when old records have values."""
    if await put_in_force(work, spec, version, holding, strict=strict) and holding is not None:
        total = await count_values(work, spec, holding)
        parameters = {"resource_type": spec.resource_type, "key": spec.key}
        await operations.start(work, INDEX, spec.name, parameters, total)


def handlers(holdings: Holdings) -> Mapping[str, Callable[[Run], Awaitable[Empty]]]:
    async def fill(run: Run) -> Empty:
        after: uuid.UUID | None = uuid.UUID(int=0)
        done = 0
        while after is not None:
            run.stop_if_cancelled()
            after, done = await _fill_next(run, holdings, after, done)
        return Empty()

    return {INDEX: fill}


async def _fill_next(
    run: Run, holdings: Holdings, after: uuid.UUID, done: int
) -> tuple[uuid.UUID | None, int]:
    """One batch; the last id of it, None at the end, and how many are done."""
    resource, key = run.parameters["resource_type"], run.parameters["key"]
    holding = holdings.of(resource)
    async with run.database.unit() as work:
        row = await store.find(work, resource, key)
        spec = None if row is None else store.spec_of(row)
        if spec is None or holding is None or not spec.kept:
            return None, done
        last, filled = await fill_batch(work, spec, holding, after)
        if last is None:
            await store.hold_alone(work)
            await store.set_indexed(work, spec)
        else:
            total = await count_values(work, spec, holding)
            await run.progress(done + filled, total, work)
    return last, done + filled
