"""Parents of the rows: looked for when all rows are stored, because a parent may stand below its subsidiary.

The pass over the file can be repeated from its beginning: what is linked already is left alone. So a crash within it
costs a second reading and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from taproot_base.errors import AppError
from taproot_customer.customers.model import Customer
from taproot_customer.hierarchies.handlers import checked_parent
from taproot_customer.hierarchies.model import TREE_LOCK
from taproot_customer.imports import queries
from taproot_customer.imports.model import Import
from taproot_customer.imports.rows import OWN_KEY, ParsedRow
from taproot_customer.imports.writing import SKIPPED, UPDATED, plain
from taproot_storage.database import UnitOfWork

Owner = tuple[uuid.UUID, str]
"""A customer, and what the run did to it."""
_NOBODY: Owner = (uuid.UUID(int=0), "")
_STRONG = frozenset({"external", "tax_number", OWN_KEY})


def names_parents(found: Import) -> bool:
    return any(column["field"].startswith("parent.") for column in found.columns)


async def link(found: Import, rows: Sequence[ParsedRow], work: UnitOfWork) -> None:
    """Set the parents of a chunk's customers. What cannot be found is kept as a remark on the row."""
    children = [row for row in rows if row.parent[0] and not row.reasons]
    if not children:
        return
    await queries.lock_keys(work, [TREE_LOCK])
    owners = await _owners(children, found.id, work)
    parents = await _parents([row.parent for row in children], work)
    ids = sorted({owner for owner, _ in owners.values()})
    loaded = {one.id: one for one in await work.scalars(queries.customers_for_update(ids))}
    remarks = []
    for row in children:
        owner, result = owners.get(row.line, _NOBODY)
        child = loaded.get(owner)
        if child is None:
            continue  # the row was rejected when it was written, and says why
        why = await _set_parent(child, row, parents.get(row.parent, []), found, work)
        if why:
            remarks.append(_remark(found, row, child, result, why))
    await queries.add_rows(work, remarks)


async def _owners(rows: Sequence[ParsedRow], import_id: uuid.UUID, work: UnitOfWork) -> dict[int, Owner]:
    """Line -> customer: as the run noted it, else by a key of the row that only one customer can have."""
    noted = await queries.customers_at(work, import_id, [row.line for row in rows])
    keys = [key for row in rows if row.line not in noted for key in row.keys if key[0] in _STRONG]
    known = await _by_key(keys, work)
    for row in rows:
        owner = next((known[key][0] for key in row.keys if key in known), None)
        if owner is not None:
            noted.setdefault(row.line, (owner, SKIPPED))
    return noted


async def _parents(
    wanted: Sequence[tuple[str, str]], work: UnitOfWork
) -> dict[tuple[str, str], list[uuid.UUID]]:
    found = await _by_key([key for key in wanted if key[0] != "name"], work)
    for owner, name in await queries.organizations_named(
        work, [name for kind, name in wanted if kind == "name"]
    ):
        found.setdefault(("name", name), []).append(owner)
    return found


async def _by_key(
    keys: Sequence[tuple[str, str]], work: UnitOfWork
) -> dict[tuple[str, str], list[uuid.UUID]]:
    found: dict[tuple[str, str], list[uuid.UUID]] = {}
    for match in await queries.match_keys(work, list(dict.fromkeys(keys))):
        if match["visible"] and not match["deleted"]:
            found.setdefault((match["kind"], match["normal"]), []).append(match["customer_id"])
    return found


async def _set_parent(
    child: Customer, row: ParsedRow, parents: Sequence[uuid.UUID], found: Import, work: UnitOfWork
) -> str:
    """Empty, or why it has none."""
    shown = row.parent[1]
    if len(parents) != 1:
        return f"parent {shown}: {'several customers are called so' if parents else 'no such customer'}"
    before = child.parent_id
    if parents[0] == before:
        return ""
    try:
        await work.flush()
        parent = await checked_parent(child.id, child.kind, parents[0], work)
    except AppError as error:
        return f"parent {shown}: {error.violations[0].description if error.violations else error.message}"
    child.change({"parent_id": parent}, work.clock.now())
    change = {"before": {"parent_id": plain(before)}, "after": {"parent_id": plain(parent)}}
    place = {"import_id": found.id, "customer_id": child.id, "line": row.line}
    await queries.add_changes(work, [{**place, **change, "result": UPDATED, "version": child.version}])
    return ""


def _remark(found: Import, row: ParsedRow, child: Customer, result: str, why: str) -> dict[str, Any]:
    return {
        "import_id": found.id,
        "line": row.line,
        "result": result,
        "cells": [cell.encode("utf-8", "replace").decode().replace("\0", "") for cell in row.cells],
        "reasons": [why],
        "customer_id": child.id,
    }
