"""Reads and statements of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from taproot_customer.reading import column_names
from taproot_customer.suggestions.model import UNCHANGED, suggestion_rules
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement

_rules = Statement(lambda: select(suggestion_rules))
_locked = Statement(lambda: select(suggestion_rules).with_for_update())


def _put_statement() -> Any:
    names = [name for name in column_names(suggestion_rules) if name != "only"]
    put = insert(suggestion_rules).values({"only": True} | {name: bindparam(name) for name in names})
    return put.on_conflict_do_update(
        index_elements=["only"], set_={name: put.excluded[name] for name in names}
    )


_put = Statement(_put_statement)


async def read_rules(reader: Reader, *, locked: bool = False) -> Mapping[str, Any]:
    return await reader.fetch_row(_locked if locked else _rules) or UNCHANGED


async def put_rules(work: UnitOfWork, rules: Mapping[str, Any]) -> None:
    await work.execute(_put, **{name: rules[name] for name in UNCHANGED})
