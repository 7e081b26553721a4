"""In each service a careless statement on a scoped table is refused before it reaches the database."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import Executable, Table, delete, func, select, update

from taproot_storage.dialect import UnscopedStatement
from taproot_storage.visibility import scope_rules

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


def careless(table: Table) -> list[Executable]:
    column = next(iter(table.c))
    return [
        select(table),
        select(func.count()).select_from(table),
        update(table).values({column.name: column}),
        delete(table).where(column.is_not(None)),
    ]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_statement_without_its_scope_does_not_run(service: str, start_service: Any) -> None:
    harness = await start_service(service)
    metadata = import_module(f"taproot_{service}.base").Base.metadata
    tables = [table for table in metadata.tables.values() if table in scope_rules()]
    assert tables
    with harness.system_call():
        async with harness.runtime.database.unit() as work:
            for statement in (one for table in tables for one in careless(table)):
                with pytest.raises(UnscopedStatement):
                    await work.execute(statement)
