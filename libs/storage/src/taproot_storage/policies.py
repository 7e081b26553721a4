"""Row-level security from the same declarations as `visible`: an oracle for tests, a last line for operators.

A policy lets a row through when the statement waived the table's scope on purpose (`unscoped`), or when the
caller's reach covers it. The unit of work says both to PostgreSQL before each statement on a scoped table, in
settings that end with the transaction; whoever says nothing sees nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import asyncpg
import orjson
from sqlalchemy import ARRAY, Table, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot_storage.dialect import ChassisDialect
from taproot_storage.visibility import Rule, Value, VisibilityClause, scope_rules

REACH, WAIVED = "taproot.reach", "taproot.waived"
ALL_TABLES = "*"
POLICY = "taproot_scope"
TELL = f"SELECT set_config('{REACH}', $1, true), set_config('{WAIVED}', $2, true)"
_SECURED = "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace"
_dialect = ChassisDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's


def reaches_now() -> str:
    """The caller's reach of every scoped resource, as the policies read it."""
    return orjson.dumps({rule.key: rule.told() for rule in scope_rules().values()}).decode()


def waiver(tables: Collection[str]) -> str:
    """The tables a statement leaves unscoped on purpose, as the policies read it."""
    return ",".join(sorted(tables))


async def apply(url: str, tables: Collection[Table], *, on: bool) -> None:
    """Install the policies of the scoped ones of `tables`, or take them away, in one transaction as their owner."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            secured = {row[0] for row in await connection.fetch(_SECURED)}
            for rule in (rule for table, rule in scope_rules().items() if table in tables):
                name = rule.table.name
                statements = _removing(name) if name in secured else []
                for statement in statements + (_installing(rule) if on else []):
                    await connection.execute(statement)
    finally:
        await connection.close()


def _installing(rule: Rule) -> list[str]:
    name = rule.table.name
    return [
        f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY',
        f'CREATE POLICY {POLICY} ON "{name}" USING ({condition(rule)}) WITH CHECK (true)',
    ]


def _removing(name: str) -> list[str]:
    return [
        f'DROP POLICY {POLICY} ON "{name}"',
        f'ALTER TABLE "{name}" DISABLE ROW LEVEL SECURITY',
    ]


def condition(rule: Rule) -> str:
    """The policy's condition: a waiver, or the rule with values from the settings."""
    name = rule.table.name
    # Rendered inside a select of the table, so that subqueries refer to its row; only the condition is kept.
    clause = VisibilityClause(name, rule.condition(_value_of(rule)))
    text = str(
        select(1)
        .select_from(rule.table)
        .where(clause)
        .compile(dialect=_dialect, compile_kwargs={"literal_binds": True})
    )
    waived = f"string_to_array(current_setting('{WAIVED}', true), ',') && ARRAY['{ALL_TABLES}', '{name}']"
    return f"{waived} OR {text.partition('WHERE ')[2]}"


def _value_of(rule: Rule) -> Value:
    setting = func.nullif(func.current_setting(REACH, True), "").cast(JSONB())

    def value(name: str, kind: Any, _read: object) -> ColumnElement[Any]:
        path = setting[rule.key][name]
        if isinstance(kind, ARRAY):
            texts = (
                func.jsonb_array_elements_text(path).table_valued("value", name="element").render_derived()
            )
            return select(func.array_agg(texts.c.value)).select_from(texts).scalar_subquery().cast(kind)
        text: ColumnElement[Any] = path.astext.cast(kind)
        return text

    return value
