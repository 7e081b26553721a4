"""SQLAlchemy over a connection it does not own, and the guard that sees every statement compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg

from taproot_storage.pool import Connection
from taproot_storage.visibility import VisibilityClause, scope_rules


def encode_json(value: Any) -> str:
    """Text as it is: it is JSON already, from SQLAlchemy's own serializer."""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


async def prepare_connection(connection: Connection) -> None:
    """Teach it how values of JSON are written."""
    await connection.set_type_codec(
        "json", encoder=encode_json, decoder=orjson.loads, schema="pg_catalog", format="text"
    )
    # Binary, because a COPY takes nothing else.
    await connection.set_type_codec(
        "jsonb", encoder=_pack, decoder=_unpack, schema="pg_catalog", format="binary"
    )


def _pack(value: Any) -> bytes:
    """The version of the format, then text."""
    return b"\x01" + encode_json(value).encode()


def _unpack(packed: bytes) -> Any:
    return orjson.loads(packed[1:])


_flushing: ContextVar[bool] = ContextVar("flushing", default=False)


class UnscopedStatement(RuntimeError):
    """A statement touches a scoped table without saying which rows the caller may touch."""


@contextmanager
def flushing() -> Iterator[None]:
    """While the session writes rows that were loaded through a scoped read."""
    token = _flushing.set(True)
    try:
        yield
    finally:
        _flushing.reset(token)


class GuardedCompiler(PGCompiler_asyncpg):
    """Refuses statements that read, update or delete a scoped table without its scope.

    Every mention of the table needs a decision of its own: one half of a UNION does not cover the other.
    INSERT is free: a new row's place is checked by `require_placement`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._touched: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()
        self.waived: set[str] = set()
        """Scoped tables this statement touches for every caller, on purpose."""
        super().__init__(*args, **kwargs)
        missing = self._touched - self._decided
        if missing and not _flushing.get():
            names = ", ".join(sorted(missing))
            raise UnscopedStatement(f"statement without scope on: {names}\n{self.string}")

    @property
    def scoped(self) -> bool:
        """Whether any scoped table is in it, so that the policies must be told who asks."""
        return bool(self._touched or self.waived)

    def visit_insert(self, insert_stmt: Any, *args: Any, **kwargs: Any) -> Any:
        if insert_stmt.table in scope_rules():
            self.waived.add(insert_stmt.table.name)
        return super().visit_insert(insert_stmt, *args, **kwargs)  # type: ignore[no-untyped-call]  # SQLAlchemy's

    def visit_table(self, table: Any, asfrom: Any = False, *args: Any, **kwargs: Any) -> Any:
        if asfrom and table in scope_rules():
            self._touched[table.name] += 1
        return super().visit_table(table, asfrom, *args, **kwargs)  # type: ignore[no-untyped-call]  # SQLAlchemy's

    def visit_visibility(self, element: VisibilityClause, **kwargs: Any) -> Any:
        self._decided[element.table_name] += 1
        if element.waived:
            self.waived.add(element.table_name)
        return self.process(element.clause.self_group(), **kwargs)


class ChassisDialect(PGDialect_asyncpg):
    """asyncpg dialect that leaves connections and transactions to the unit of work."""

    supports_statement_cache = True
    statement_compiler = GuardedCompiler

    def on_connect(self) -> Any:
        return None  # codecs are set once when the pool opens the connection

    def do_close(self, dbapi_connection: Any) -> None: ...

    def do_terminate(self, dbapi_connection: Any) -> None: ...

    def do_rollback(self, dbapi_connection: Any) -> None: ...

    def do_commit(self, dbapi_connection: Any) -> None: ...


registry.register("postgresql.taproot", __name__, "ChassisDialect")
