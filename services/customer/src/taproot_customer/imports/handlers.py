"""Use cases of imports: taking a file, mapping it, starting and stopping runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, Violation
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_chassis.placement import Placer, caller_id
from taproot_customer.imports import queries
from taproot_customer.imports.mapping import mapping_problems
from taproot_customer.imports.model import RUNNING, VALIDATING, Import
from taproot_customer.imports.writing import UPDATING
from taproot_customer.reading import load_one
from taproot_storage.database import UnitOfWork

VALIDATE, RUN, UNDO = "import_validation", "import", "import_undo"


@dataclass(frozen=True)
class CreateImport:
    id: uuid.UUID | None
    values: Mapping[str, Any]
    owner_id: uuid.UUID | None
    branch_id: uuid.UUID | None


async def create_import(command: CreateImport, work: UnitOfWork) -> Import:
    place = await Placer("imports", work).place(command.owner_id or caller_id(), command.branch_id)
    values = {
        **command.values,
        "owner_id": place.owner_id,
        "branch_id": place.branch_id,
        "branch_path": place.branch_path,
    }
    found = Import.create(command.id or new_id(), values, work.clock.now())
    await work.add(found)
    return found


async def update_import(key: uuid.UUID, etag: str, values: Mapping[str, Any], work: UnitOfWork) -> Import:
    found: Import = await load_one(work, Import, key, etag)
    found.change(values, work.clock.now())
    return found


async def delete_import(key: uuid.UUID, etag: str, work: UnitOfWork) -> Import:
    """The customers it made stay."""
    found: Import = await load_one(work, Import, key, etag)
    found.require_idle()
    found.record("deleted", work.clock.now())
    await work.flush()
    await queries.forget_results(work, key)
    await work.execute(queries.remove(key))
    return found


async def start_run(key: uuid.UUID, etag: str, *, dry: bool, work: UnitOfWork) -> uuid.UUID:
    """The operation. Needs the rights to what the run will do, now and when it runs."""
    found: Import = await load_one(work, Import, key, etag)
    _check_rights(found)
    _check_mapping(found)
    kind, state = (VALIDATE, VALIDATING) if dry else (RUN, RUNNING)
    operation_id = await operations.start(work, kind, str(key), {}, total=found.size_bytes)
    found.begin(state, operation_id, work.clock.now())
    await queries.forget_results(work, key)
    return operation_id


async def start_undo(key: uuid.UUID, etag: str, work: UnitOfWork) -> uuid.UUID:
    """The operation. Needs the rights to take back what was created and changed."""
    found: Import = await load_one(work, Import, key, etag)
    call = current_call()
    call.directory.require(call.principal, "customers.delete")
    call.directory.require(call.principal, "customers.update")
    total = found.created_count + found.updated_count
    operation_id = await operations.start(work, UNDO, str(key), {}, total=total)
    found.begin_undo(operation_id, work.clock.now())
    return operation_id


def _check_rights(found: Import) -> None:
    call = current_call()
    call.directory.require(call.principal, "customers.create")
    if policy_of(found) in UPDATING:
        call.directory.require(call.principal, "customers.update")


def _check_mapping(found: Import) -> None:
    problems = mapping_problems([column["field"] for column in found.columns])
    if problems:
        raise InvalidArgument(
            Violation(f"import.columns[{index}].field" if index >= 0 else "import.columns", why)
            for index, why in problems
        )


def policy_of(found: Import) -> str:
    return found.options.get("match_policy") or "update"


async def cancel_import(key: uuid.UUID, work: UnitOfWork) -> Import:
    found: Import = await load_one(work, Import, key)
    found.ask_to_stop()
    return found
