"""Reads of transfers and of what they move."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Uuid,
    and_,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from taproot.customer.v1 import transfer_pb2 as pb
from taproot_base.context import current_call
from taproot_chassis.placement import caller_id
from taproot_customer.customers.model import Customer
from taproot_customer.customers.queries import RESOURCE as CUSTOMERS
from taproot_customer.reading import column_names
from taproot_customer.tasks.model import OPEN, Task
from taproot_customer.transfers.model import Transfer, transferred
from taproot_listing.filter_sql import filter_sql
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import filter_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c, _k, _d, _t = Customer.__table__.c, Task.__table__.c, transferred.c, Transfer.__table__.c
_TASKS = "open tasks go with their customer or with who leaves, whoever sees them"

RESOURCE = resource_of(
    "transfer",
    Transfer,
    pb.Transfer,
    "id display_name from_owner_id state customer_count task_count returned_count kept_count owner_id branch_id "
    "create_time update_time",
)
SHELF = Shelf(RESOURCE, Transfer, pb.Transfer)

_note = Statement(lambda: insert(transferred).values({n: bindparam(n) for n in column_names(transferred)}))
_close = Statement(
    lambda: (
        update(transferred)
        .where(
            _d.transfer_id == bindparam("transfer"),
            _d.record_id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
        )
        .values(open=False)
    )
)
_open = Statement(
    lambda: (
        select(transferred)
        .where(_d.transfer_id == bindparam("transfer"), _d.open)
        .order_by(_d.record_id)
        .limit(bindparam("size"))
    )
)


def _mine(from_owner: uuid.UUID, text: str, now: datetime) -> ColumnElement[bool]:
    condition = filter_sql(filter_of(CUSTOMERS, text, current_call().masked), now)
    return and_(_c.owner_id == from_owner, _c.delete_time.is_(None), condition, visible(Customer))


def customers_to_move(transfer: Transfer, now: datetime, size: int) -> Any:
    condition = _mine(transfer.from_owner_id, transfer.filter, now)
    return (
        select(Customer)
        .where(condition)
        .order_by(Customer.id)
        .limit(size)
        .with_for_update(of=Customer.__table__)
    )


def tasks_to_move(from_owner: uuid.UUID, of: ColumnElement[bool]) -> Any:
    return select(Task).where(_tasks(from_owner, of)).order_by(Task.id).with_for_update(of=Task.__table__)


def of_customers(ids: Sequence[uuid.UUID]) -> ColumnElement[bool]:
    return _k.customer_id == func.any(literal(list(ids), ARRAY(Uuid())))


def of_nobody() -> ColumnElement[bool]:
    return _k.customer_id.is_(None)


def _tasks(from_owner: uuid.UUID, of: ColumnElement[bool]) -> ColumnElement[bool]:
    alive = and_(_k.state == OPEN, _k.delete_time.is_(None))
    return and_(_k.owner_id == from_owner, alive, of, unscoped(Task, _TASKS))


async def count_to_move(reader: Reader, from_owner: uuid.UUID, text: str, *, tasks: bool) -> tuple[int, int]:
    """Customers, and open tasks that would go with them."""
    condition = _mine(from_owner, text, reader.clock.now())
    customers = await reader.fetch_value(
        select(func.count()).select_from(Customer.__table__).where(condition)
    )
    if not tasks:
        return int(customers), 0
    of = _k.customer_id.in_(select(_c.id).where(condition))
    wanted = of if text else or_(of, of_nobody())
    counted = select(func.count()).select_from(Task.__table__).where(_tasks(from_owner, wanted))
    return int(customers), int(await reader.fetch_value(counted))


def for_run(transfer_id: uuid.UUID) -> Any:
    return select(Transfer).where(Transfer.id == transfer_id).with_for_update()


def for_undo(transfer_id: uuid.UUID) -> Any:
    return for_run(transfer_id).where(_seen())


def listed() -> Any:
    return select(Transfer.__table__).where(_seen())


def one(transfer_id: uuid.UUID) -> Any:
    return listed().where(_t.id == transfer_id)


def _seen() -> ColumnElement[bool]:
    call = current_call()
    reach = call.directory.require(call.principal, "customers.assign")
    if reach.everything:
        return true()
    # By key: a branch that moves has another path, and only scoped tables follow it there.
    known = call.directory.branches.values()
    covered = [uuid.UUID(branch.id) for branch in known if reach.covers_path(branch.path)]
    return or_(_t.owner_id == caller_id(), _t.branch_id == func.any(literal(covered, ARRAY(Uuid()))))


async def note(
    work: UnitOfWork,
    transfer: Transfer,
    record_id: uuid.UUID,
    to: uuid.UUID | None,
    branch_id: uuid.UUID | None,
    *,
    task: bool = False,
) -> None:
    await work.execute(
        _note,
        transfer_id=transfer.id,
        record_id=record_id,
        task=task,
        to_owner_id=to,
        from_branch_id=branch_id,
        open=True,
    )


async def read_open(reader: Reader, transfer_id: uuid.UUID, size: int) -> list[Any]:
    return await reader.fetch(_open, transfer=transfer_id, size=size)


async def close(work: UnitOfWork, transfer_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    await work.execute(_close, transfer=transfer_id, ids=list(ids))


def to_return(model: Any, ids: Sequence[uuid.UUID]) -> Any:
    """In the order of their ids, as merges lock them."""
    scope = unscoped(model, "what a transfer moved goes back, whoever sees it by now")
    key = model.__table__.c.id
    return (
        select(model)
        .where(key == func.any(literal(list(ids), ARRAY(Uuid()))), scope)
        .order_by(key, literal_column("1"))
        .with_for_update(of=model.__table__)
    )
