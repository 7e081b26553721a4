"""Attachments between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.attachment_event_pb2 import AttachmentEvent
from taproot_customer.attachments.model import Attachment
from taproot_customer.attachments.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(attachment: Attachment, _recorded: Recorded) -> AttachmentEvent:
    return AttachmentEvent(attachment=SHELF.message(row_of(attachment)))
