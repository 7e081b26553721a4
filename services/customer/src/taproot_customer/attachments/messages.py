"""Attachments between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.attachment_event_pb2 import AttachmentEvent
from taproot.customer.v1 import attachment_pb2 as pb
from taproot_base.errors import PermissionDenied
from taproot_base.masking import masked_fields
from taproot_customer.attachments.model import Attachment
from taproot_customer.attachments.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def require_whole(masked: frozenset[str]) -> None:
    """Who is shown a part of the record only is not given the file. `masked`: what the caller's roles hide."""
    if masked_fields(pb.Attachment.DESCRIPTOR, masked):
        raise PermissionDenied("your roles hide part of attachments, so you may not have the files")


def to_event(attachment: Attachment, _recorded: Recorded) -> AttachmentEvent:
    return AttachmentEvent(attachment=SHELF.message(row_of(attachment)))
