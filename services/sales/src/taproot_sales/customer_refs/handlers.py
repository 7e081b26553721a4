"""The projection of customers follows the customer service's events."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from taproot_chassis.database import UnitOfWork
from taproot_chassis.schema import redirects
from taproot_chassis.statements import Statement
from taproot_sales.customer_refs.model import CustomerRef

TABLES = (CustomerRef.__table__, redirects)
_columns = CustomerRef.__table__.c


def _build_put() -> Any:
    statement = insert(CustomerRef).values({c.key: bindparam(c.key, type_=c.type) for c in _columns})
    changes = {c.key: statement.excluded[c.key] for c in _columns if c.key != "id"}
    return statement.on_conflict_do_update(
        index_elements=["id"], set_=changes, where=CustomerRef.version < statement.excluded.version
    )


def _build_redirect() -> Any:
    names = [column.name for column in redirects.c]
    statement = insert(redirects).values({name: bindparam(name) for name in names})
    changes = {name: statement.excluded[name] for name in names if name != "member_id"}
    return statement.on_conflict_do_update(
        index_elements=["member_id"], set_=changes, where=redirects.c.version < statement.excluded.version
    )


_put = Statement(_build_put)
_redirect = Statement(_build_redirect)
_release = Statement(
    lambda: delete(redirects).where(
        redirects.c.member_id == bindparam("member_id"), redirects.c.version < bindparam("as_of")
    )
)


async def put_customer(values: dict[str, Any], work: UnitOfWork) -> None:
    """Unless what is stored is as new."""
    await work.execute(_put, **values)


async def redirect(rows: list[dict[str, Any]], work: UnitOfWork) -> None:
    await work.execute_many(_redirect, rows)


async def release(rows: list[dict[str, Any]], work: UnitOfWork) -> None:
    await work.execute_many(_release, rows)
