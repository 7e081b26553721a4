"""Statements as text and arguments for asyncpg, compiled once per shape."""

from __future__ import annotations

from typing import Any

from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.util import LRUCache

from taproot_storage.dialect import ChassisDialect


class Renderer:
    """Keeps compiled statements by SQLAlchemy's cache key: same shape, other values, no compilation."""

    def __init__(self, size: int = 1000) -> None:
        self._dialect = ChassisDialect()  # type: ignore[no-untyped-call] # untyped in SQLAlchemy
        self._cache: LRUCache[Any, Any] = LRUCache(size)

    def render(self, statement: ClauseElement) -> tuple[str, list[Any]]:
        """`(sql, args)` for `connection.fetch(sql, *args)`."""
        # The one place that leans on SQLAlchemy's internal compile step: it is what an engine does itself.
        compiled, extracted, *_ = statement._compile_w_cache(
            self._dialect, compiled_cache=self._cache, column_keys=[]
        )
        assert isinstance(compiled, SQLCompiler)
        if compiled.post_compile_params:  # IN lists: the text depends on their length
            expanded = statement.compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
            assert isinstance(expanded, SQLCompiler)
            return _arguments(expanded, None)
        return _arguments(compiled, extracted)


def _arguments(compiled: SQLCompiler, extracted: Any) -> tuple[str, list[Any]]:
    values = compiled.construct_params(extracted_parameters=extracted)
    processors = compiled._bind_processors
    return compiled.string, [
        processors[name](values[name]) if name in processors else values[name]  # type: ignore[operator] # untyped
        for name in compiled.positiontup or ()
    ]
