"""Where the files of imports lie, and which of them an import has."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, bindparam, func, select

from taproot_base.ids import new_id
from taproot_customer.imports.model import Import
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FOLDER = "imports"
_t = Import.__table__.c
_known = Statement(
    lambda: select(_t.blob_key).where(
        _t.blob_key == func.any(bindparam("keys", type_=ARRAY(Text))),
        unscoped(Import, "a file is an orphan or not in all branches"),
    )
)


def new_file_key() -> str:
    return f"{FOLDER}/{new_id()}"


async def known_files(reader: Reader, keys: Sequence[str]) -> set[str]:
    return {row[0] for row in await reader.fetch(_known, keys=list(keys))}
