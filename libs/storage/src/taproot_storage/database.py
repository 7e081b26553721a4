"""One asyncpg pool per process, and the unit of work: the only thing that commits."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from sqlalchemy import FromClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.expression import Executable

from taproot_base import telemetry
from taproot_base.context import current_call_or_none
from taproot_base.errors import (
    AlreadyExists,
    DeadlineExceeded,
    EtagMismatch,
    ResourceExhausted,
    Unavailable,
)
from taproot_storage import audit
from taproot_storage.dialect import encode_json, flushing, prepare_connection
from taproot_storage.policies import ALL_TABLES, TELL, reaches_now
from taproot_storage.pool import Connection, Pool
from taproot_storage.statements import Statement
from taproot_storage.visibility import scope_rules

if TYPE_CHECKING:
    from taproot_base.clock import Clock
    from taproot_storage.eventlog import EventLog

T = TypeVar("T")
CONNECT_SECONDS = 30.0
WAIT_SECONDS = 5.0
_SYSTEM = {"db.system.name": "postgresql"}
_borrowed: ContextVar[Connection] = ContextVar("borrowed")


class TransactionNotOpen(RuntimeError):
    """A statement outside its unit of work: it would have committed alone."""


class Database:
    """The service's own database. Create with `open`, close with `close`."""

    def __init__(self, pool: Pool, direct_url: str, clock: Clock, log: EventLog | None) -> None:
        self._pool = pool
        self.direct_url = direct_url
        self.clock = clock
        self.log = log
        self.row_security = False
        self.wake_relay: Callable[[], None] | None = None
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+taproot://",
            async_creator=_borrow,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",  # the unit of work issues BEGIN and COMMIT itself
            json_serializer=encode_json,
        )

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        log: EventLog | None = None,
        direct_url: str | None = None,
        pool_size: int = 10,
        prepared: bool = True,
    ) -> Database:
        """`prepared=False` for a pooler that cannot keep prepared statements."""

        async def connect() -> Connection:
            connection = await asyncpg.connect(url, statement_cache_size=500 if prepared else 0)
            await prepare_connection(connection)
            return connection

        pool = Pool(connect, pool_size)
        pool.release(await pool.acquire(CONNECT_SECONDS))  # a wrong URL shows at start
        return cls(pool, direct_url or url, clock, log)

    async def close(self) -> None:
        await self.engine.dispose()
        await self._pool.close()

    async def connect_direct(self) -> Connection:
        """A connection past any pooler, for LISTEN, leases and relays. The caller closes it."""
        connection = await asyncpg.connect(self.direct_url)
        await prepare_connection(connection)
        return connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled connection for the chassis itself; everybody else takes `unit` or `reading`."""
        connection = await self._acquire()
        try:
            yield connection
        finally:
            self._pool.release(connection)

    async def _acquire(self) -> Connection:
        try:
            return await self._pool.acquire(WAIT_SECONDS)
        except TimeoutError as error:
            raise ResourceExhausted("all database connections are busy") from error
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
            raise Unavailable("the database cannot be reached") from error

    @asynccontextmanager
    async def unit(self, locks: Sequence[int] = ()) -> AsyncIterator[UnitOfWork]:
        """One transaction: commits at the end of the block, rolls back on any exception.

        `locks` are advisory lock keys taken with BEGIN in one round trip, in sorted order.
        """
        connection = await self._acquire()
        try:
            work = UnitOfWork(self, connection)
            with telemetry.span("db.transaction", _SYSTEM) as span:
                try:
                    await work._begin(locks)
                    yield work
                    await work._commit()
                except BaseException as error:
                    await work._rollback()
                    raise _translated(error) from error
                finally:
                    await work._release_session()
                    span.set_attribute("db.statements", work.statement_count)
        finally:
            self._pool.release(connection)
        for callback in work.after_commit:
            callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """Reads in autocommit: no transaction, no writes by convention of the callers."""
        connection = await self._acquire()
        try:
            with telemetry.span("db.read", _SYSTEM):
                reader = Reader(self, connection)
                try:
                    if not self.row_security:
                        yield reader
                        return
                    async with connection.transaction():  # what the policies are told ends with it
                        yield reader
                except _DRIVER_FAILURES as error:
                    raise _translated(error) from error
                finally:
                    await reader._release_session()
        finally:
            self._pool.release(connection)


def _borrow() -> Any:
    async def lend() -> Connection:
        return _borrowed.get()

    return lend()


_DRIVER_FAILURES = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBAPIError,
)
# The driver's internal error is what a statement meets whose connection dies between its parts.
_GONE = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
)


def _translated(error: BaseException) -> BaseException:
    """Driver failures a caller can do something about."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(error, StaleDataError) or isinstance(
        cause, asyncpg.SerializationError | asyncpg.DeadlockDetectedError
    ):
        return EtagMismatch()
    if isinstance(cause, asyncpg.UniqueViolationError):
        return AlreadyExists("a record with this key exists", constraint=cause.constraint_name or "")
    if isinstance(cause, asyncpg.QueryCanceledError):
        return DeadlineExceeded("the database took too long")
    if isinstance(cause, asyncpg.InsufficientResourcesError):  # its disk, memory or connections
        return Unavailable("the database has no room left; repeat the request later")
    if isinstance(cause, _GONE):
        return Unavailable("the database went away; repeat the request")
    return error


class Reader:
    """Runs compiled statements on one connection. Accepts only what the guard has seen."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database = database
        self.connection = connection
        self.statement_count = 0
        self._session: Any = None
        self._told: tuple[object, str] | None = None

    @property
    def clock(self) -> Clock:
        return self.database.clock

    def _check_open(self) -> None: ...

    def _prepare(self, statement: Statement | Executable) -> Statement:
        self._check_open()
        self.statement_count += 1
        prepared = statement if isinstance(statement, Statement) else Statement(statement)
        call = current_call_or_none()
        if call is not None and call.trace_statements:
            call.statements.append(prepared.text)
        return prepared

    async def _tell_policies(self, waived: str | None) -> None:
        """Who asks, and which tables the next statement leaves unscoped on purpose."""
        call = current_call_or_none()
        if waived is None or (self._told is not None and self._told[0] is call and self._told[1] == waived):
            return
        await self.connection.execute(TELL, reaches_now(), waived)
        self._told = (call, waived)

    async def fetch(self, statement: Statement | Executable, **values: Any) -> list[Any]:
        prepared = self._prepare(statement)
        arguments = prepared.arguments(values)
        if self.database.row_security:
            await self._tell_policies(prepared.waived)
        rows: list[Any] = await self.connection.fetch(prepared.text, *arguments)
        return rows

    async def fetch_row(self, statement: Statement | Executable, **values: Any) -> Any:
        prepared = self._prepare(statement)
        arguments = prepared.arguments(values)
        if self.database.row_security:
            await self._tell_policies(prepared.waived)
        return await self.connection.fetchrow(prepared.text, *arguments)

    async def fetch_value(self, statement: Statement | Executable, **values: Any) -> Any:
        row = await self.fetch_row(statement, **values)
        return None if row is None else row[0]

    async def explain(self, statement: Statement | Executable) -> tuple[int, float]:
        """How many rows the planner expects of a statement, and what it thinks it costs; nothing is run."""
        prepared = self._prepare(statement)
        arguments = prepared.arguments({})
        if self.database.row_security:
            await self._tell_policies(prepared.waived)
        row = await self.connection.fetchrow(f"EXPLAIN (FORMAT JSON) {prepared.text}", *arguments)
        plan = row[0][0]["Plan"]
        return int(plan["Plan Rows"]), float(plan["Total Cost"])

    async def execute(self, statement: Statement | Executable, **values: Any) -> int:
        """Run a statement; returns the number of rows it touched."""
        prepared = self._prepare(statement)
        arguments = prepared.arguments(values)
        if self.database.row_security:
            await self._tell_policies(prepared.waived)
        status: str = await self.connection.execute(prepared.text, *arguments)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """Run one statement for many rows in one round trip."""
        if rows:
            self._check_open()
            self.statement_count += 1
            arguments = [statement.arguments(row) for row in rows]
            if self.database.row_security:
                await self._tell_policies(statement.waived)
            await self.connection.executemany(statement.text, arguments)

    async def copy(self, insertion: Statement, table: FromClause, rows: Sequence[dict[str, Any]]) -> None:
        """Many new rows by COPY, which costs less than as many insertions.

        `insertion` names every column it fills by a parameter of the same name. It is what runs where the table's
        policies are on, since PostgreSQL then refuses to copy.
        """
        if self.database.row_security and table in scope_rules():
            await self.execute_many(insertion, rows)
        elif rows:
            self._check_open()
            self.statement_count += 1
            records = [insertion.arguments(row) for row in rows]
            await self.connection.copy_records_to_table(str(table), records=records, columns=insertion.names)

    async def session(self) -> Any:
        """The AsyncSession on this very connection. Flush is explicit; only the unit of work commits."""
        self._check_open()
        if self._session is None:
            token = _borrowed.set(self.connection)
            try:
                bound = await self.database.engine.connect()
            finally:
                _borrowed.reset(token)
            self._session = AsyncSession(bound, expire_on_commit=False, autoflush=False)
        return self._session

    async def _release_session(self) -> None:
        if self._session is not None:
            bound = self._session.bind
            self._session.expunge_all()
            await self._session.close()
            await bound.close()
            self._session = None

    async def scalars(self, statement: Any, **values: Any) -> list[Any]:
        """Mapped objects of a select."""
        self.statement_count += 1
        session = await self.session()
        if self.database.row_security:
            await self._tell_policies(Statement(statement).compiled().waived)
        return list((await session.scalars(statement, values or None)).unique().all())

    async def scalar(self, statement: Any, **values: Any) -> Any:
        found = await self.scalars(statement, **values)
        return found[0] if found else None


class UnitOfWork(Reader):
    """One transaction over raw statements and mapped objects alike."""

    def __init__(self, database: Database, connection: Connection) -> None:
        super().__init__(database, connection)
        self.after_commit: list[Callable[[], None]] = []
        self.repeated_id: str | None = None
        self.touched: dict[str, None] = {}
        """Ids of the aggregates whose events were logged."""
        self.audit_events: list[audit.Event] = []
        """Written with the commit, beside what the call itself leaves."""
        self.audited = True
        """False for bookkeeping: the audit is not told of this transaction."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise TransactionNotOpen("the unit of work has not begun or has ended")

    async def _begin(self, locks: Sequence[int]) -> None:
        keys = ", ".join(f"pg_advisory_xact_lock({int(key)})" for key in sorted(set(locks)))
        await self.connection.execute(f"BEGIN; SELECT {keys}" if keys else "BEGIN")
        self._open = True

    async def flush(self) -> None:
        """Write pending objects now, events included, so that raw statements see them."""
        if self._session is None:
            return
        changed = [*self._session.new, *self._session.dirty]
        if self.database.row_security and (changed or self._session.deleted):
            await self._tell_policies(ALL_TABLES)
        with flushing():
            await self._session.flush()
        if self.database.log is not None:
            await self.database.log.append_recorded(self, changed)

    async def abandon(self) -> None:
        """End without keeping anything: for dry runs."""
        self.after_commit.clear()
        await self._rollback()

    async def _commit(self) -> None:
        if not self._open:
            return
        await self.flush()
        call = current_call_or_none()
        if call is not None:
            call.check_undoomed()
        events = audit.events_of(self)
        await self.connection.execute(f"{audit.insertion(events)}; COMMIT" if events else "COMMIT")
        self._open = False

    async def _rollback(self) -> None:
        if self._open and not self.connection.is_closed():
            self._open = False
            started = time.monotonic()
            try:
                await self.connection.execute("ROLLBACK", timeout=5)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                telemetry.logger.warning("rollback_failed", seconds=time.monotonic() - started)
                self.connection.terminate()
        self._open = False

    async def add(self, *entities: Any) -> None:
        (await self.session()).add_all(entities)
