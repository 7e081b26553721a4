"""Use cases of transfers: asked for, done in batches, undone."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from taproot_base.errors import AppError, InvalidArgument, NotFound
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_chassis.operations import Run
from taproot_chassis.placement import Place, Placer, branch_path, caller_id
from taproot_customer.customers.model import Customer
from taproot_customer.pools.ownership import hand_over
from taproot_customer.tasks.model import Task
from taproot_customer.transfers import queries
from taproot_customer.transfers.model import UNDOING, Transfer
from taproot_records.mapping import row_of
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

RUN, UNDO = "customer.transfer", "customer.transfer_undo"
TRANSFERRED, RETURNED = "transferred", "returned"
BATCH = 200


@dataclass(frozen=True)
class TransferCustomers:
    from_owner_id: uuid.UUID
    to_owner_ids: Sequence[uuid.UUID]
    filter: str
    reason: str


async def preview_transfer(command: TransferCustomers, work: UnitOfWork) -> Transfer:
    """The transfer as it would be, not stored. Raises for targets that may not be."""
    if command.from_owner_id in command.to_owner_ids:
        raise InvalidArgument([("to_owner_ids", "the owner so far is among them")])
    placer = Placer("customers", work)
    for target in command.to_owner_ids:
        await _place(placer, target)
    customers, tasks = await queries.count_to_move(
        work, command.from_owner_id, command.filter, tasks=bool(command.to_owner_ids)
    )
    now = work.clock.now()
    home = await placer.place(caller_id(), None, "assign")
    return Transfer(
        id=new_id(),
        create_time=now,
        update_time=now,
        version=0,
        display_name=command.reason,
        from_owner_id=command.from_owner_id,
        to_owner_ids=list(command.to_owner_ids),
        filter=command.filter,
        customer_count=customers,
        task_count=tasks,
        **asdict(home),
    )


async def _place(placer: Placer, owner_id: uuid.UUID) -> Place:
    try:
        return await placer.place(owner_id, None, "assign")
    except InvalidArgument:
        raise InvalidArgument([("to_owner_ids", f"{owner_id} is not an active user")]) from None


async def start_transfer(planned: Transfer, work: UnitOfWork) -> uuid.UUID:
    """The operation."""
    total = planned.customer_count
    planned.customer_count = planned.task_count = 0
    planned.start(work.clock.now())
    await work.add(planned)
    return await operations.start(work, RUN, str(planned.id), {}, total)


async def start_undo(key: str, etag: str, work: UnitOfWork) -> uuid.UUID:
    transfer: Transfer | None = await work.scalar(queries.for_undo(uuid.UUID(key)))
    if transfer is None:
        raise NotFound("transfer", key)
    check_etag(etag, transfer.version)
    transfer.start_undo(work.clock.now())
    total = transfer.customer_count + transfer.task_count
    return await operations.start(work, UNDO, str(transfer.id), {}, total)


async def run_transfer(run: Run) -> Any:
    """Goes on where it was after a crash: what has changed hands is not the owner's any more."""
    return await _run(run, _move_more)


async def run_undo(run: Run) -> Any:
    return await _run(run, _return_more)


async def _run(run: Run, step: Callable[[Run, Transfer, UnitOfWork], Awaitable[int]]) -> Any:
    """Batch by batch, each a transaction, until a step finds nothing more to do."""
    try:
        while True:
            run.stop_if_cancelled()
            async with run.database.unit() as work:
                transfer = await _locked(run, work)
                if not await step(run, transfer, work):
                    return await _end(transfer, work)
    except AppError:
        async with run.database.unit() as work:
            (await _locked(run, work)).stop(work.clock.now())
        raise


async def _move_more(run: Run, transfer: Transfer, work: UnitOfWork) -> int:
    moved = await _move_batch(transfer, work)
    left, _ = await queries.count_to_move(work, transfer.from_owner_id, transfer.filter, tasks=False)
    await run.progress(transfer.customer_count, transfer.customer_count + left, work)
    return moved


async def _return_more(run: Run, transfer: Transfer, work: UnitOfWork) -> int:
    rows = await queries.read_open(work, transfer.id, BATCH)
    await _return_batch(transfer, rows, work)
    done = transfer.returned_count + transfer.kept_count
    await run.progress(done, transfer.customer_count + transfer.task_count, work)
    return len(rows)


async def _end(transfer: Transfer, work: UnitOfWork) -> Any:
    now = work.clock.now()
    if transfer.state == UNDOING:
        transfer.end_undo(now)
    else:
        if transfer.to_owner_ids and not transfer.filter:
            await _move_tasks(transfer, queries.of_nobody(), {}, work)
        transfer.complete(now)
    return queries.SHELF.message(row_of(transfer))


async def _locked(run: Run, work: UnitOfWork) -> Transfer:
    found: Transfer | None = await work.scalar(queries.for_run(uuid.UUID(run.resource_id)))
    if found is None:
        raise NotFound("transfer", run.resource_id)
    return found


async def _move_batch(transfer: Transfer, work: UnitOfWork) -> int:
    customers: list[Customer] = await work.scalars(
        queries.customers_to_move(transfer, work.clock.now(), BATCH)
    )
    placer, places = Placer("customers", work), dict[uuid.UUID, Place]()
    for customer in customers:
        target = transfer.target(transfer.customer_count)
        place = (
            await _place(placer, target) if target else Place(None, customer.branch_id, customer.branch_path)
        )
        await queries.note(work, transfer, customer.id, target, customer.branch_id)
        await hand_over(customer, place, TRANSFERRED, work, transfer.display_name, transfer.id)
        places[customer.id] = place
        transfer.customer_count += 1
    if places and transfer.to_owner_ids:
        await _move_tasks(transfer, queries.of_customers(list(places)), places, work)
    return len(customers)


async def _move_tasks(transfer: Transfer, of: Any, places: dict[uuid.UUID, Place], work: UnitOfWork) -> None:
    """To the new owner of each task's customer; those of no customer to the new owners in turn."""
    placer = Placer("customers", work)
    tasks: list[Task] = await work.scalars(queries.tasks_to_move(transfer.from_owner_id, of))
    for number, task in enumerate(tasks):
        target = transfer.target(number)
        assert target is not None
        place = places[task.customer_id] if task.customer_id else await _place(placer, target)
        assert place.owner_id is not None
        await queries.note(work, transfer, task.id, place.owner_id, task.branch_id, task=True)
        task.assign(place.owner_id, place.branch_id, place.branch_path, work.clock.now())
        transfer.task_count += 1


async def _return_batch(transfer: Transfer, rows: Sequence[Any], work: UnitOfWork) -> None:
    for model in (Customer, Task):
        moved = {row["record_id"]: row for row in rows if row["task"] == (model is Task)}
        for record in await work.scalars(queries.to_return(model, list(moved))):
            await _return(transfer, record, moved.pop(record.id), work)
        transfer.kept_count += len(moved)
    await queries.close(work, transfer.id, [row["record_id"] for row in rows])


async def _return(transfer: Transfer, record: Any, row: Any, work: UnitOfWork) -> None:
    """Unless somebody else has it by now, or it is deleted or merged."""
    if record.owner_id != row["to_owner_id"] or record.delete_time is not None:
        transfer.kept_count += 1
        return
    home = row["from_branch_id"]
    place = Place(transfer.from_owner_id, home, branch_path(home))
    if isinstance(record, Task):
        record.assign(transfer.from_owner_id, home, place.branch_path, work.clock.now())
    else:
        await hand_over(record, place, RETURNED, work, transfer.display_name, transfer.id)
    transfer.returned_count += 1
