"""Reads and bulk statements of imports."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Text,
    Uuid,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1.import_change_pb2 import ImportUndoResult
from taproot_customer.customers.model import Customer, customer_keys
from taproot_customer.imports.model import Import, import_changes, import_keys, import_rows
from taproot_customer.reading import column_names, read_one
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import ListRequest, Page
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_t = Import.__table__.c
_r = import_rows.c
_h = import_changes.c
_k = customer_keys.c
_c = Customer.__table__.c

RESOURCE = Resource(
    "import",
    [
        Field("id", _t.id, FieldType.ID, sortable=False),
        Field("display_name", _t.display_name, FieldType.TEXT),
        Field("file_name", _t.file_name, FieldType.TEXT),
        Field("state", _t.state, FieldType.ENUM, enum=pb.ImportState),
        Field("owner_id", _t.owner_id, FieldType.ID, sortable=False),
        Field("branch_id", _t.branch_id, FieldType.ID, sortable=False),
        Field("create_time", _t.create_time, FieldType.INSTANT),
        Field("update_time", _t.update_time, FieldType.INSTANT),
    ],
    default_order="create_time desc",
    id_column=_t.id,
)

ROWS = Resource(
    "import_row",
    [
        Field("line", _r.line, FieldType.INTEGER),
        Field("result", _r.result, FieldType.ENUM, enum=pb.ImportRowResult),
        Field("reasons", _r.reasons, FieldType.TEXT, repeated=True),
        Field("customer_id", _r.customer_id, FieldType.ID, sortable=False),
    ],
    default_order="line",
    id_column=_r.line,
)

CHANGES = Resource(
    "import_change",
    [
        Field("line", _h.line, FieldType.INTEGER),
        Field("customer_id", _h.customer_id, FieldType.ID, sortable=False),
        Field("result", _h.result, FieldType.ENUM, enum=pb.ImportRowResult),
        Field("undo_result", _h.undo_result, FieldType.ENUM, enum=ImportUndoResult),
    ],
    default_order="line",
    id_column=_h.line,
)


def _asked() -> Any:
    kinds = bindparam("kinds", type_=ARRAY(Text()))
    normals = bindparam("normals", type_=ARRAY(Text()))
    return func.unnest(kinds, normals).table_valued("kind", "normal", name="asked").render_derived()


def _match_statement() -> Any:
    asked = _asked()
    seen: Any = select(literal_column("1")).where(
        _c.id == _k.customer_id, visible(Customer), _c.delete_time.is_(None)
    )
    gone: Any = select(literal_column("1")).where(
        _c.id == _k.customer_id, _c.delete_time.is_not(None), unscoped(Customer, "whose identifier it is")
    )
    return (
        select(
            _k.kind, _k.normal, _k.customer_id, seen.exists().label("visible"), gone.exists().label("deleted")
        )
        .select_from(asked)
        .join(customer_keys, (_k.kind == asked.c.kind) & (_k.normal == asked.c.normal))
        .order_by(_k.customer_id)
    )


def _tried_statement() -> Any:
    asked = _asked()
    mine = import_keys.c
    return (
        select(mine.kind, mine.normal, mine.customer_id)
        .select_from(asked)
        .join(import_keys, (mine.kind == asked.c.kind) & (mine.normal == asked.c.normal))
        .where(mine.import_id == bindparam("import_id"))
    )


def _external_statement() -> Any:
    """Of customers, and of those that a dry run would have created."""
    ids = bindparam("ids", type_=ARRAY(Uuid()))
    mine = import_keys.c
    stored = select(_k.customer_id, _k.normal).where(_k.kind == "external", _k.customer_id == func.any(ids))
    tried = select(mine.customer_id, mine.normal).where(
        mine.import_id == bindparam("import_id"), mine.kind == "external", mine.customer_id == func.any(ids)
    )
    return stored.union_all(tried)


_match = Statement(_match_statement)
_external = Statement(_external_statement)
_at_lines = Statement(
    lambda: select(_h.line, _h.customer_id, _h.result).where(
        _h.import_id == bindparam("import_id"),
        _h.line == func.any(bindparam("lines", type_=ARRAY(BigInteger()))),
    )
)
_named = Statement(
    lambda: select(_c.id, _c.display_name).where(
        _c.display_name == func.any(bindparam("names", type_=ARRAY(Text()))),
        _c.kind == "organization",
        _c.delete_time.is_(None),
        visible(Customer),
    )
)
_own = Statement(
    lambda: select(_c.id).where(
        _c.id == func.any(bindparam("ids", type_=ARRAY(Uuid()))), _c.delete_time.is_(None), visible(Customer)
    )
)
_tried = Statement(_tried_statement)
_lock = Statement(
    lambda: select(func.pg_advisory_xact_lock(literal_column("key"))).select_from(
        func.unnest(bindparam("keys", type_=ARRAY(BigInteger())))
        .table_valued("key", name="wanted")
        .render_derived()
    )
)
_add_customer = Statement(
    lambda: insert(Customer).values({name: bindparam(name) for name in column_names(Customer.__table__)})
)


def _key_statement() -> Any:
    """One statement for all keys of a chunk: a customer has three, and each of its own would cost as much as the customer."""
    given = (
        func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _KEY_COLUMNS.items()))
        .table_valued(*_KEY_COLUMNS, name="given")
        .render_derived()
    )
    return (
        upsert(customer_keys)
        .from_select(list(_KEY_COLUMNS), select(*(given.c[name] for name in _KEY_COLUMNS)))
        .on_conflict_do_nothing(index_elements=["customer_id", "kind", "normal"])
    )


_KEY_COLUMNS: dict[str, Any] = {"customer_id": Uuid(), "kind": Text(), "normal": Text()}
_add_key = Statement(_key_statement)
_add_row = Statement(
    lambda: (
        upsert(import_rows)
        .values({name: bindparam(name) for name in column_names(import_rows)})
        .on_conflict_do_nothing()
    )
)
_JOURNAL = ("import_id", "customer_id", "line", "result", "version", "before", "after")


def _change_statement() -> Any:
    """A second change of a customer keeps the first values before and the last values after."""
    new = upsert(import_changes).values({name: bindparam(name) for name in _JOURNAL})
    return new.on_conflict_do_update(
        index_elements=["import_id", "customer_id"],
        set_={
            "version": new.excluded.version,
            "before": case(
                (_h.result == "created", _h.before), else_=new.excluded.before.op("||")(_h.before)
            ),
            "after": case((_h.result == "created", _h.after), else_=_h.after.op("||")(new.excluded.after)),
        },
    )


_add_change = Statement(_change_statement)
_add_new = Statement(lambda: insert(import_changes).values({name: bindparam(name) for name in _JOURNAL}))
_try_key = Statement(
    lambda: (
        upsert(import_keys)
        .values({name: bindparam(name) for name in column_names(import_keys)})
        .on_conflict_do_nothing()
    )
)
_forget_rows = Statement(lambda: delete(import_rows).where(_r.import_id == bindparam("import_id")))
_forget_changes = Statement(lambda: delete(import_changes).where(_h.import_id == bindparam("import_id")))
_forget_keys = Statement(lambda: delete(import_keys).where(import_keys.c.import_id == bindparam("import_id")))
_rejected_rows = Statement(
    lambda: (
        select(import_rows)
        .where(_r.import_id == bindparam("import_id"), _r.line > bindparam("after"), _r.result == "rejected")
        .order_by(_r.line)
        .limit(bindparam("size"))
    )
)


async def lock_keys(work: UnitOfWork, keys: Sequence[int]) -> None:
    """Writers of one identifier wait for each other, in the order of the locks."""
    await work.fetch(_lock, keys=sorted(set(keys)))


async def match_keys(reader: Reader, keys: Sequence[tuple[str, str]]) -> list[Any]:
    """kind, normal, customer_id, visible, deleted: for each identifier that belongs to somebody."""
    kinds, normals = [kind for kind, _ in keys], [normal for _, normal in keys]
    return await reader.fetch(_match, kinds=kinds, normals=normals) if keys else []


async def external_keys(
    reader: Reader, import_id: uuid.UUID, ids: Sequence[uuid.UUID]
) -> list[tuple[uuid.UUID, str]]:
    """Keys of other systems these customers have, or would have after this dry run."""
    rows = await reader.fetch(_external, import_id=import_id, ids=list(ids)) if ids else []
    return [(row[0], row[1]) for row in rows]


async def customers_at(
    reader: Reader, import_id: uuid.UUID, lines: Sequence[int]
) -> dict[int, tuple[uuid.UUID, str]]:
    """The customer that the row of each line created or changed, and which of both."""
    rows = await reader.fetch(_at_lines, import_id=import_id, lines=list(lines))
    return {row[0]: (row[1], row[2]) for row in rows}


async def organizations_named(reader: Reader, names: Sequence[str]) -> list[tuple[uuid.UUID, str]]:
    """Living organisations the caller sees, with their names."""
    rows = await reader.fetch(_named, names=list(names)) if names else []
    return [(row[0], row[1]) for row in rows]


async def own_customers(reader: Reader, ids: Sequence[str]) -> list[uuid.UUID]:
    """Which of the ids are customers the caller sees."""
    wanted = [uuid.UUID(key) for key in ids]
    return [row[0] for row in await reader.fetch(_own, ids=wanted)] if wanted else []


async def tried_keys(reader: Reader, import_id: uuid.UUID, keys: Sequence[tuple[str, str]]) -> list[Any]:
    kinds, normals = [kind for kind, _ in keys], [normal for _, normal in keys]
    return await reader.fetch(_tried, import_id=import_id, kinds=kinds, normals=normals) if keys else []


async def add_customers(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    await work.copy(_add_customer, Customer.__table__, rows)


async def add_keys(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await work.execute(_add_key, **{name: [row[name] for row in rows] for name in _KEY_COLUMNS})


async def add_changes(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    """Of customers created in this very transaction there is no entry yet."""
    await work.copy(_add_new, import_changes, [row for row in rows if row["result"] == "created"])
    await work.execute_many(_add_change, [row for row in rows if row["result"] != "created"])


async def list_changes(reader: Reader, import_id: uuid.UUID, request: ListRequest, lists: Lists) -> Page[Any]:
    """What an import the caller sees did to customers. Raises NotFound."""
    await read_one(reader, Import, import_id)
    rows = select(import_changes).where(_h.import_id == import_id)
    return await lists.page(reader, CHANGES, rows, import_changes, request, of=str(import_id))


async def try_keys(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    await work.execute_many(_try_key, rows)


async def add_rows(work: UnitOfWork, rows: Sequence[dict[str, Any]]) -> None:
    await work.execute_many(_add_row, rows)


async def forget_results(work: UnitOfWork, import_id: uuid.UUID) -> None:
    await work.execute(_forget_rows, import_id=import_id)
    await work.execute(_forget_keys, import_id=import_id)
    await work.execute(_forget_changes, import_id=import_id)


async def list_rows(reader: Reader, import_id: uuid.UUID, request: ListRequest, lists: Lists) -> Page[Any]:
    """Rows of an import the caller sees. Raises NotFound."""
    await read_one(reader, Import, import_id)
    rows = select(import_rows).where(_r.import_id == import_id)
    return await lists.page(reader, ROWS, rows, import_rows, request, of=str(import_id))


async def rejected_rows(reader: Reader, import_id: uuid.UUID, after: int, size: int) -> list[Any]:
    return await reader.fetch(_rejected_rows, import_id=import_id, after=after, size=size)


def for_run(import_id: uuid.UUID) -> Any:
    """The import, locked: whoever writes a chunk holds it."""
    return (
        select(Import)
        .where(Import.id == import_id, unscoped(Import, "a run works on the import it was started for"))
        .with_for_update()
    )


def customers_for_update(ids: Sequence[uuid.UUID]) -> Any:
    return (
        select(Customer)
        .where(Customer.id.in_(ids), visible(Customer))
        .order_by(Customer.id)
        .with_for_update()
    )


def remove(key: uuid.UUID) -> Any:
    return delete(Import).where(_t.id == key, visible(Import))
