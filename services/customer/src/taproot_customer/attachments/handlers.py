"""Use cases of attachments."""

from __future__ import annotations

import uuid

from taproot_base.blobs import BlobStore
from taproot_base.errors import NotFound
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id
from taproot_customer.attachments.files import FOLDER, File, clean_name
from taproot_customer.attachments.model import Attachment
from taproot_customer.parents import find_parent
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, new_key, patched
from taproot_storage.database import UnitOfWork


async def upload_attachment(
    chosen: str, customer_id: str, file: File, note: str, blobs: BlobStore, work: UnitOfWork
) -> Attachment:
    """The file is written before the record commits: a record never lacks its file. What fails leaves an orphan."""
    parent = await find_parent(work, uuid.UUID(customer_id))
    place = await Placer("attachments", work).place(caller_id(), parent.branch_id)
    blob_key = f"{FOLDER}/{new_id()}"
    values = parent.held | {
        "owner_id": place.owner_id,
        "display_name": file.display_name,
        "note": note,
        "media_type": file.media_type,
        "size_bytes": len(file.content),
        "sha256": file.sha256,
        "blob_key": blob_key,
    }
    attachment = Attachment.create(await new_key(work, Attachment, chosen), values, work.clock.now())
    await work.add(attachment)
    await work.flush()
    await blobs.put(blob_key, file.content)
    return attachment


async def find_file(key: str, work: UnitOfWork) -> Attachment:
    """The attachment whose file the caller may fetch now: its customer must still be in sight."""
    attachment = await load(work, Attachment, key, "")
    await find_parent(work, attachment.customer_id)
    return attachment


async def update_attachment(key: str, etag: str, values: Values, work: UnitOfWork) -> Attachment:
    attachment = await load(work, Attachment, key, etag)
    changed = patched(attachment, await moved(work, "attachments", attachment, values))
    if "display_name" in changed:
        changed["display_name"] = clean_name(changed["display_name"]) or attachment.display_name
    attachment.change(changed, work.clock.now())
    return attachment


async def delete_attachment(key: str, etag: str, work: UnitOfWork) -> Attachment:
    attachment = await load(work, Attachment, key, etag)
    attachment.delete(work.clock.now())
    await discard(work, attachment)
    return attachment


async def content_of(blobs: BlobStore, attachment: Attachment) -> bytes:
    try:
        return await blobs.get(attachment.blob_key)
    except FileNotFoundError as error:
        raise NotFound("attachment", attachment.id) from error
