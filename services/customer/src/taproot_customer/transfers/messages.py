"""Transfers as protobuf."""

from __future__ import annotations

import uuid

from google.longrunning.operations_proto_pb2 import Operation

from taproot.customer.events.v1.transfer_event_pb2 import TransferEvent
from taproot.customer.v1 import transfer_service_pb2 as rpc
from taproot_customer.transfers.handlers import TransferCustomers
from taproot_customer.transfers.model import Transfer
from taproot_customer.transfers.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(transfer: Transfer, _recorded: Recorded) -> TransferEvent:
    return TransferEvent(transfer=SHELF.message(row_of(transfer)))


def to_preview(planned: Transfer) -> Operation:
    """An operation that is over: nothing was stored, so the transfer in it has no id."""
    transfer = SHELF.message(row_of(planned))
    for name in ("id", "state", "create_time", "update_time", "etag"):
        transfer.ClearField(name)
    operation = Operation(done=True)
    operation.response.Pack(transfer)
    return operation


def to_command(request: rpc.TransferCustomersRequest) -> TransferCustomers:
    return TransferCustomers(
        uuid.UUID(request.from_owner_id),
        [uuid.UUID(key) for key in request.to_owner_ids],
        request.filter,
        request.reason,
    )
