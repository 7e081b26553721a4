"""Lines of an agenda as messages, without what the caller may not see of the records they are of."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from google.protobuf.descriptor import Descriptor

from taproot.customer.v1 import activity_pb2, care_date_pb2, contact_pb2, customer_pb2, task_pb2
from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot.customer.v1.participant_pb2 import ParticipantResponse
from taproot_base import wire
from taproot_base.context import current_call
from taproot_base.masking import masked_fields
from taproot_customer.agendas.entries import ACTIVITY, CARE_DATE, TASK, Entry

_KINDS: dict[str, Descriptor] = {
    ACTIVITY: activity_pb2.Activity.DESCRIPTOR,
    TASK: task_pb2.Task.DESCRIPTOR,
    CARE_DATE: care_date_pb2.CareDate.DESCRIPTOR,
}
# The field of each that decides where it stands in an agenda.
WHEN = {ACTIVITY: "start_time", TASK: "due_time", CARE_DATE: "date"}
_TOLD = ("display_name", "kind", "state", "customer_id", "owner_id")


def hidden(resource: str, masked: frozenset[str]) -> frozenset[str]:
    """Fields of the record that the caller may not see."""
    return masked_fields(_KINDS[resource], masked)


def names_hidden(masked: frozenset[str]) -> bool:
    return "display_name" in masked_fields(customer_pb2.Customer.DESCRIPTOR, masked)


def may_name_contacts(masked: frozenset[str]) -> bool:
    call = current_call()
    granted = call.directory.reach(call.principal, "contacts.read") is not None
    return granted and "display_name" not in masked_fields(contact_pb2.Contact.DESCRIPTOR, masked)


def may_show(permission: str, resource: str) -> bool:
    """Nothing is shown of a kind whose times are hidden from the caller: its place would tell them."""
    call = current_call()
    granted = call.directory.reach(call.principal, permission) is not None
    return granted and WHEN[resource] not in hidden(resource, call.masked)


def to_message(entry: Entry, masked: frozenset[str], seen: Mapping[UUID, str]) -> pb.AgendaEntry:
    """`seen`: the names that the caller may see."""
    row, unseen = entry.row, hidden(entry.resource, masked)
    names = [name for name in _TOLD if name not in unseen and (name != "kind" or entry.resource != TASK)]
    return pb.AgendaEntry(
        resource=wire.enum_number(pb.AgendaResource, entry.resource, "AGENDA_RESOURCE_"),
        id=str(row["id"]),
        occurrence_time=wire.to_timestamp(entry.slot),
        start_time=wire.to_timestamp(entry.start),
        end_time=wire.to_timestamp(entry.end) if "duration" not in unseen else None,
        date=wire.to_date(entry.day),
        conflict_ids=sorted({str(key) for key in entry.conflicts}),
        update_time=wire.to_timestamp(row["update_time"]),
        customer_display_name=seen.get(row["customer_id"], ""),
        participants=_participants(entry, unseen, seen),
        **{name: wire.text_of(row[name]) for name in names},
    )


def _participants(
    entry: Entry, unseen: frozenset[str], seen: Mapping[UUID, str]
) -> list[pb.AgendaParticipant]:
    if entry.resource != ACTIVITY or "participants" in unseen:
        return []
    return [
        pb.AgendaParticipant(
            user_id=one.get("user_id", ""),
            contact_id=one.get("contact_id", ""),
            response=wire.enum_number(ParticipantResponse, one["response"], "PARTICIPANT_RESPONSE_"),
            display_name=seen.get(UUID(one.get("user_id") or one["contact_id"]), ""),
        )
        for one in entry.row["participants"]
    ]
