"""Reads of customers: SQL straight to rows. Nothing here changes a customer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Uuid, and_, bindparam, delete, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, insert

from taproot.customer.v1 import customer_pb2 as pb
from taproot_base.errors import NotFound
from taproot_customer.customers.model import UNIQUE_KINDS, Customer, Key, customer_keys
from taproot_customer.searching import named_fields
from taproot_listing.fields import Field, FieldType, Resource
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.eventlog import with_event
from taproot_storage.idempotency import lock_key
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_c = Customer.__table__.c
_KINDS = ("phone", "email", "tax_number", "external")
_hidden = ("sort_key", "search_tokens", "merged_into", "shares")
columns = [column for column in _c if column.name not in _hidden]

RESOURCE = Resource(
    "customer",
    [
        Field("id", _c.id, FieldType.ID, sortable=False),
        Field("kind", _c.kind, FieldType.ENUM, enum=pb.CustomerKind),
        Field("status", _c.status, FieldType.ENUM, enum=pb.CustomerStatus),
        *named_fields(_c),
        Field("birth_date", _c.birth_date, FieldType.DATE, sensitive_class="personal"),
        Field("value_class", _c.value_class, FieldType.TEXT),
        Field("loyalty_class", _c.loyalty_class, FieldType.TEXT),
        Field("industry", _c.industry, FieldType.TEXT),
        Field("region", _c.region, FieldType.TEXT),
        Field("source", _c.source, FieldType.TEXT),
        Field("tags", _c.tags, FieldType.TEXT, repeated=True),
        Field("language_code", _c.language_code, FieldType.TEXT),
        Field("key_account", _c.key_account, FieldType.BOOLEAN),
        Field("parent_id", _c.parent_id, FieldType.ID, sortable=False),
        Field("owner_id", _c.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _c.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _c.create_time, FieldType.INSTANT),
        Field("update_time", _c.update_time, FieldType.INSTANT),
        Field("custom", _c.custom, FieldType.JSON),
    ],
    default_order="create_time desc",
    id_column=_c.id,
    read_with="customers.read",
)

_get = Statement(
    lambda: select(*columns).where(
        _c.id == root_of(bindparam("customer_id", type_=_c.id.type)), visible(Customer, by_key=True)
    )
)
_match = Statement(
    lambda: (
        select(
            customer_keys.c.customer_id,
            func.bool_or(customer_keys.c.kind.in_(UNIQUE_KINDS)).label("strong"),
            func.bool_or(
                select(true())
                .where(_c.id == customer_keys.c.customer_id, visible(Customer, by_key=True))
                .exists()
            ).label("visible"),
        )
        .where(
            or_(
                *(
                    and_(
                        customer_keys.c.kind
                        == literal_column(f"'{kind}'"),  # a parameter would be planned anew
                        customer_keys.c.normal == func.any(bindparam(kind, type_=_c.tags.type)),
                    )
                    for kind in _KINDS
                )
            ),
        )
        .group_by(customer_keys.c.customer_id)
        .order_by(customer_keys.c.customer_id)
    )
)
_of_ids = _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))
_get_many = Statement(lambda: select(*columns).where(_of_ids, visible(Customer, by_key=True)))
_known = Statement(lambda: select(_c.id).where(_of_ids, any_branch("an id is taken, whoever holds it")))
_remove_keys = Statement(lambda: delete(customer_keys).where(customer_keys.c.customer_id == bindparam("key")))
_add_key = Statement(
    lambda: (
        insert(customer_keys)
        .values({name: bindparam(name) for name in ("customer_id", "kind", "normal")})
        .on_conflict_do_nothing(index_elements=["customer_id", "kind", "normal"])
    )
)


def _insert_statement() -> Any:
    record = insert(Customer).values({name: bindparam(name) for name in _stored}).cte("record")
    rows = select(
        bindparam("key_of", type_=_c.id.type),
        func.unnest(bindparam("key_kinds", type_=_c.tags.type)),
        func.unnest(bindparam("key_normals", type_=_c.tags.type)),
    )
    keys = insert(customer_keys).from_select(["customer_id", "kind", "normal"], rows).cte("keys")
    return with_event(record, keys)


_stored = [column.name for column in _c]
_insert = Statement(_insert_statement)


def for_change(customer_id: uuid.UUID) -> Select[Any]:
    return (
        select(Customer)
        .where(Customer.id == customer_id, visible(Customer))
        .with_for_update(of=Customer.__table__)
    )


async def get_customer(reader: Reader, customer_id: uuid.UUID) -> Any:
    """A row of `columns`; a merged record answers with its survivor."""
    row = await reader.fetch_row(_get, customer_id=customer_id)
    if row is None:
        raise NotFound("customer", customer_id)
    return row


async def get_customers(reader: Reader, ids: Sequence[uuid.UUID]) -> dict[str, Any]:
    """Rows of `columns` by id, of those that the caller may see."""
    return {str(row["id"]): row for row in await reader.fetch(_get_many, ids=list(ids))}


def listed() -> Select[Any]:
    """What lists and aggregates are taken from."""
    return select(*columns).where(_c.delete_time.is_(None))


async def find_by_keys(reader: Reader, keys: Sequence[Key]) -> list[Any]:
    """Customers of any branch with one of the identifiers: customer_id, strong, visible."""
    if not keys:
        return []
    by_kind = {kind: [k.normal for k in keys if k.kind == kind] for kind in _KINDS}
    return await reader.fetch(_match, **by_kind)


async def insert_customer(work: UnitOfWork, customer: Customer, keys: Sequence[Key]) -> None:
    """The record, what it is matched by and its event in one round trip, without a session."""
    assert work.database.log is not None
    await work.database.log.write(
        work,
        customer,
        _insert,
        **{name: getattr(customer, name) for name in _stored},
        key_of=customer.id,
        key_kinds=[key.kind for key in keys],
        key_normals=[key.normal for key in keys],
    )


async def known_ids(reader: Reader, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of them are taken, by whomever."""
    return {row[0] for row in await reader.fetch(_known, ids=list(ids))}


async def put_keys(work: UnitOfWork, customer_id: uuid.UUID, keys: Sequence[Key]) -> None:
    """Replace the identifiers a customer is matched by."""
    await work.execute(_remove_keys, key=customer_id)
    rows = [{"customer_id": customer_id, "kind": key.kind, "normal": key.normal} for key in keys]
    await work.execute_many(_add_key, rows)


def locks_of(keys: Sequence[Key]) -> list[int]:
    """Parallel writers of one identifier wait for each other."""
    return [lock_key("customer", key.kind, key.normal) for key in keys]


def any_branch(reason: str) -> Any:
    """Condition for statements that look over all branches on purpose."""
    return unscoped(Customer, reason)
