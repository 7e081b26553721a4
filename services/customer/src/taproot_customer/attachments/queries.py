"""Reads of attachments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.customer.v1 import attachment_pb2 as pb
from taproot_customer.attachments.model import Attachment
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

_c = Attachment.__table__.c

RESOURCE = resource_of(
    "attachment",
    Attachment,
    pb.Attachment,
    "id customer_id display_name media_type size_bytes sha256 owner_id branch_id create_time update_time custom",
    "create_time desc",
    ("customer_id",),
)
SHELF = Shelf(RESOURCE, Attachment, pb.Attachment)
_known = Statement(
    lambda: select(_c.blob_key).where(
        _c.blob_key == func.any(bindparam("keys", type_=ARRAY(Text))),
        unscoped(Attachment, "a file is an orphan or not in all branches"),
    )
)


async def known_files(reader: Reader, keys: Sequence[str]) -> set[str]:
    """Those of the blobs some attachment has."""
    return {row[0] for row in await reader.fetch(_known, keys=list(keys))}
