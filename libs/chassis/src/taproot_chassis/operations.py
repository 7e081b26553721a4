"""Long-running work: stored, leased, resumed by any replica after a crash, cancelled at safe points."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
from google.longrunning.operations_proto_pb2 import Operation
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2
from sqlalchemy import bindparam, insert, or_, select, update

from taproot.operations.v1 import operations_pb2 as pb
from taproot_base import telemetry, wire
from taproot_base.audit import Category, Note
from taproot_base.auth import Principal
from taproot_base.context import Call, calling, current_call
from taproot_base.errors import AppError, Kind, NotFound, WrongState, out_of_room
from taproot_base.ids import new_id
from taproot_chassis.identities import find_user
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage import audit
from taproot_storage.schema import operations
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_base.access import AccessDirectory
    from taproot_storage.database import Database, Reader, UnitOfWork
    from taproot_storage.reads import Lists

LEASE = timedelta(seconds=15)
AGAIN = timedelta(seconds=2)
"""Until work is taken up again that met an infrastructure failure."""
HEARTBEAT_SECONDS = 5.0
POLL_SECONDS = 0.5
OPEN = ("pending", "running")
_t = operations.c
_by_id = _t.id == bindparam("key")

_insert = Statement(
    lambda: insert(operations).values(
        {
            name: bindparam(name)
            for name in (
                "id", "kind", "resource_id", "principal", "owner", "parameters", "state",
                "total_count", "traceparent", "create_time", "update_time",
            )
        }
    )
)  # fmt: skip
_free = (
    select(_t.id)
    .where(_t.state.in_(OPEN), or_(_t.leased_until.is_(None), _t.leased_until < bindparam("now")))
    .order_by(_t.create_time)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_claim = Statement(
    lambda: (
        update(operations)
        .where(_t.id == _free)
        .values(state="running", leased_until=bindparam("until"))
        .returning(operations)
    )
)
_renew = Statement(
    lambda: (
        update(operations)
        .where(_by_id, _t.state == "running")
        .values(leased_until=bindparam("until"))
        .returning(_t.cancel_requested)
    )
)
_progress = Statement(
    lambda: (
        update(operations)
        .where(_by_id)
        .values(done_count=bindparam("done"), total_count=bindparam("total"), update_time=bindparam("now"))
    )
)
_end = Statement(
    lambda: (
        update(operations)
        .where(_by_id)
        .returning(_t.done_count)
        .values(
            {
                name: bindparam(name)
                for name in ("state", "response", "error_code", "error_message", "update_time")
            }
        )
    )
)
_read = Statement(lambda: select(operations).where(_by_id, _t.owner == bindparam("who")))
RESOURCE = Resource(
    "operation",
    (
        Field("kind", _t.kind, FieldType.TEXT, sortable=False),
        Field("resource_id", _t.resource_id, FieldType.TEXT, sortable=False),
        Field("state", _t.state, FieldType.TEXT, sortable=False),
        Field("done", _t.state.not_in(OPEN), FieldType.BOOLEAN, sortable=False, nullable=False),
        # Keys are in the order of their creation, and lists of several services are merged by them.
        Field("create_time", _t.create_time, FieldType.INSTANT, sort_column=_t.id),
    ),
    "create_time desc",
    _t.id,
)
_cancel = Statement(
    lambda: (
        update(operations)
        .where(_by_id, _t.owner == bindparam("who"), _t.state.in_(OPEN))
        .values(cancel_requested=True)
        .returning(operations)
    )
)


def is_passing(error: BaseException) -> bool:
    """Whether what failed is no fault of the work: it is to be taken up again, as after a crash."""
    if isinstance(error, AppError):
        return error.kind in (Kind.UNAVAILABLE, Kind.EXHAUSTED)
    gone = ConnectionError | asyncpg.PostgresConnectionError | asyncpg.InterfaceError
    return isinstance(error, gone) or out_of_room(error) is not None


class Cancelled(AppError):
    """The work was asked to stop and did so at a safe point."""

    reason = "CANCELLED"


class Run:
    """One operation being worked on."""

    def __init__(self, row: Any, database: Database) -> None:
        self.id: uuid.UUID = row["id"]
        self.resource_id: str = row["resource_id"]
        self.parameters: dict[str, Any] = row["parameters"]
        self.database = database
        self.cancel_requested: bool = row["cancel_requested"]

    async def progress(self, done: int, total: int, work: UnitOfWork) -> None:
        """Note progress in the transaction that made it, so that a resumed run continues right there."""
        await work.execute(_progress, key=self.id, done=done, total=total, now=work.clock.now())

    def stop_if_cancelled(self) -> None:
        if self.cancel_requested:
            raise Cancelled("the operation was cancelled")


Handler = Callable[[Run], Awaitable[Message]]


async def start(
    work: UnitOfWork, kind: str, resource_id: str, parameters: Mapping[str, Any], total: int = 0
) -> uuid.UUID:
    """Store work to be done as the current caller. It begins after the transaction commits."""
    call = current_call()
    operation_id = new_id()
    now = work.clock.now()
    await work.execute(
        _insert,
        id=operation_id,
        kind=kind,
        resource_id=resource_id,
        principal=call.principal.to_claims() | {"permission": call.permission},
        owner=call.principal.subject,
        parameters=dict(parameters),
        state="pending",
        total_count=total,
        traceparent=telemetry.traceparent(),
        create_time=now,
        update_time=now,
    )
    return operation_id


class OperationRunner:
    """Background: takes free operations one at a time. Any number of replicas may run it."""

    def __init__(
        self, database: Database, directory: AccessDirectory, handlers: Mapping[str, Handler]
    ) -> None:
        self._database = database
        self._directory = directory
        self._handlers = handlers

    async def run(self) -> None:
        while True:
            try:
                worked = await self.run_one()
            except Exception as error:
                telemetry.logger.warning("operation_claim_failed", error=type(error).__name__)
                worked = False
            if not worked:
                await asyncio.sleep(POLL_SECONDS)

    async def run_one(self) -> bool:
        async with self._database.unit() as work:
            now = work.clock.now()
            row = await work.fetch_row(_claim, now=now, until=now + LEASE)
        if row is None:
            return False
        run = Run(row, self._database)
        with telemetry.span(f"operation {row['kind']}", links=telemetry.remote_link(row["traceparent"])):
            await self._serve(run, row)
        return True

    async def _serve(self, run: Run, row: Any) -> None:
        heartbeat = asyncio.ensure_future(self._heartbeat(run))
        call = self._call(row)
        try:
            await self._require_active(call)
            with calling(call):
                response = await self._handlers[row["kind"]](run)
            await self._finish(run, call, "done", response=response)
        except Cancelled as error:
            await self._finish(run, call, "cancelled", code=code_pb2.CANCELLED, message=error.message)
        except Exception as error:
            await self._fail(run, call, row["kind"], error)
        finally:
            heartbeat.cancel()

    async def _fail(self, run: Run, call: Call, kind: str, error: Exception) -> None:
        if is_passing(error):
            telemetry.logger.warning("operation_interrupted", operation_id=str(run.id), error=repr(error))
            async with self._database.unit() as work:  # should this fail too, the lease ends by itself
                await work.execute(_renew, key=run.id, until=work.clock.now() + AGAIN)
        elif isinstance(error, AppError):
            code = code_pb2.Code.Value(error.kind.value)
            await self._finish(run, call, "failed", code=code, message=error.message)
        else:
            telemetry.logger.error("operation_failed", operation_id=str(run.id), kind=kind, exc_info=error)
            message = "an internal error; see the log"
            await self._finish(run, call, "failed", code=code_pb2.INTERNAL, message=message)

    def _call(self, row: Any) -> Call:
        """The rights of who asked, as they are now."""
        principal = Principal.from_claims(row["principal"])
        return Call(
            principal=principal,
            directory=self._directory,
            method=f"operation/{row['kind']}",
            permission=row["principal"]["permission"],
            note=Note(quiet=True),
        )

    async def _require_active(self, call: Call) -> None:
        if call.principal.kind == "user":
            async with self._database.reading() as reader:
                if await find_user(reader, uuid.UUID(call.principal.subject)) is None:
                    raise _NoLonger("who asked for this is no longer active")
        call.masked = self._directory.masked(call.principal)

    async def _heartbeat(self, run: Run) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with suppress(AppError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with self._database.unit() as work:
                    row = await work.fetch_row(_renew, key=run.id, until=work.clock.now() + LEASE)
                if row is not None:
                    run.cancel_requested = row[0]

    async def _finish(
        self,
        run: Run,
        call: Call,
        state: str,
        *,
        response: Message | None = None,
        code: int | None = None,
        message: str = "",
    ) -> None:
        packed = None
        if response is not None:
            holder = any_pb2.Any()
            holder.Pack(response)
            packed = holder.SerializeToString()
        async with self._database.unit() as work:
            done = await work.fetch_value(
                _end,
                key=run.id,
                state=state,
                response=packed,
                error_code=code,
                error_message=message or None,
                update_time=work.clock.now(),
            )
            records = [str(run.id), *([run.resource_id] if run.resource_id else [])]
            work.audit_events.append(
                audit.event(
                    call,
                    work.clock.now(),
                    Category.CHANGE,
                    outcome=audit.OK if state == "done" else state.upper(),
                    records=records,
                    count=done or 0,
                )
            )


class _NoLonger(AppError):
    kind = Kind.DENIED
    reason = "PRINCIPAL_INACTIVE"


def to_message(service: str, row: Any) -> Operation:
    operation = Operation(name=f"operations/{service}/{row['id']}", done=row["state"] not in OPEN)
    operation.metadata.Pack(
        pb.OperationMetadata(
            kind=row["kind"],
            resource_id=row["resource_id"],
            principal=row["owner"],
            create_time=wire.to_timestamp(row["create_time"]),
            update_time=wire.to_timestamp(row["update_time"]),
            done_count=row["done_count"],
            total_count=row["total_count"],
            cancel_requested=row["cancel_requested"],
        )
    )
    if row["response"] is not None:
        operation.response.ParseFromString(row["response"])
    elif row["error_code"] is not None:
        operation.error.code = row["error_code"]
        operation.error.message = row["error_message"] or ""
    return operation


async def get(reader: Reader, service: str, name: str) -> Operation:
    """One of the caller's operations by `operations/<service>/<uuid>`."""
    key = _key_of(service, name)
    row = await reader.fetch_row(_read, key=key, who=current_call().principal.subject)
    if row is None:
        raise NotFound("operation", name)
    return to_message(service, row)


def _key_of(service: str, name: str) -> uuid.UUID:
    parts = name.split("/")
    try:
        if len(parts) == 3 and parts[:2] == ["operations", service]:
            return uuid.UUID(parts[2])
    except ValueError:
        pass
    raise NotFound("operation", name)


async def list_mine(
    reader: Reader, lists: Lists, service: str, request: pb.ListOperationsRequest
) -> pb.ListOperationsResponse:
    mine = select(operations).where(_t.owner == current_call().principal.subject)
    page = await lists.page(reader, RESOURCE, mine, operations, request)
    found = [to_message(service, row) for row in page.rows]
    return pb.ListOperationsResponse(operations=found, next_page_token=page.next_page_token)


async def cancel(work: UnitOfWork, service: str, name: str) -> Operation:
    key = _key_of(service, name)
    row = await work.fetch_row(_cancel, key=key, who=current_call().principal.subject)
    if row is None:
        await get(work, service, name)
        raise WrongState("the operation", "ended", OPEN)
    return to_message(service, row)
