"""Erasures between protobuf and columns."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format

from taproot.customer.events.v1.erasure_event_pb2 import ErasureEvent
from taproot.customer.v1 import privacy_pb2 as pb
from taproot.operations.v1 import personal_data_service_pb2 as held
from taproot_base import wire
from taproot_customer.privacy.model import Erasure
from taproot_storage.eventlog import Recorded

STATE = "ERASURE_STATE_"
_PLAIN = ("reason", "forced", "done_services", "missing_services", "subject_hashes")


def to_message(row: Any) -> pb.Erasure:
    """From a row of the table or a mapped Erasure."""
    read = row.__getitem__ if not isinstance(row, Erasure) else lambda name: getattr(row, name)
    receipt = read("receipt")
    return pb.Erasure(
        id=str(read("id")),
        customer_id=str(read("customer_id")),
        state=wire.enum_number(pb.ErasureState, read("state"), STATE),
        operation=f"operations/customer/{read('operation_id')}",
        receipt=pb.ErasureReceipt(**receipt) if receipt else None,
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        end_time=wire.to_timestamp(read("end_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )


def to_event(found: Erasure, _recorded: Recorded) -> ErasureEvent:
    return ErasureEvent(erasure=to_message(found))


def to_part(service: str, report: held.ErasePersonalDataResponse) -> pb.ErasurePart:
    names = ("table", "deleted_count", "blanked_count", "retention")
    tables = [pb.ErasureTable(**{name: getattr(one, name) for name in names}) for one in report.tables]
    return pb.ErasurePart(service=service, tables=tables, event_count=report.event_count)


def to_json(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return found
