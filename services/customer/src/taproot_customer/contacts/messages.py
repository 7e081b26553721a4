"""Contacts between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.v1 import contact_pb2 as pb
from taproot.customer.v1.customer_pb2 import Identifier, IdentifierKind
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.messages import IDENTIFIER
from taproot_customer.customers.model import full_name
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

ROLE = "CONTACT_ROLE_"
_PLAIN = (
    "display_name", "given_name", "family_name", "job_title", "department", "decision_maker", "primary",
    "language_code", "note",
)  # fmt: skip


def to_message(row: Any) -> pb.Contact:
    """From a row of the table or a mapped Contact."""
    read = row.__getitem__ if not isinstance(row, Contact) else lambda name: getattr(row, name)
    message = pb.Contact(
        id=str(read("id")),
        customer_id=str(read("customer_id")),
        role=wire.enum_number(pb.ContactRole, read("role"), ROLE),
        identifiers=[_identifier(stored) for stored in read("identifiers")],
        birth_date=wire.to_date(read("birth_date")),
        person_customer_id=wire.text_of(read("person_customer_id")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def _identifier(stored: dict[str, Any]) -> Identifier:
    kind = wire.enum_number(IdentifierKind, stored["kind"], IDENTIFIER)
    return Identifier(kind=kind, **{name: stored[name] for name in ("value", "label", "primary")})


def to_event(contact: Contact, recorded: Recorded) -> ContactEvent:
    return ContactEvent(
        contact=to_message(contact),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )


def to_values(message: pb.Contact, names: Iterable[str], region: str) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument with every violation."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name == "identifiers":
            values[name] = _identifiers(message, region)
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


def _identifiers(message: pb.Contact, region: str) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = []
    violations = []
    for number, identifier in enumerate(message.identifiers):
        field = f"contact.identifiers[{number}]"
        kind = wire.enum_name(IdentifierKind, identifier.kind, IDENTIFIER)
        if kind not in ("phone", "email"):
            violations.append(
                Violation(f"{field}.kind", "a contact has telephone numbers and e-mail addresses")
            )
            continue
        try:
            normal = normal_form(kind, identifier.value, region)
        except InvalidIdentifier as error:
            violations.append(Violation(f"{field}.value", str(error)))
            continue
        primary = identifier.primary or all(known["kind"] != kind for known in stored)
        shown = {
            "kind": kind,
            "value": identifier.value.strip(),
            "label": identifier.label,
            "primary": primary,
        }
        stored.append(shown | {"normal": normal})
    if violations:
        raise InvalidArgument(violations)
    return stored


def _birth_date(message: pb.Contact) -> Any:
    try:
        return wire.optional_date(message, "birth_date")
    except ValueError as error:
        raise InvalidArgument([("contact.birth_date", "is not a day of the calendar")]) from error


_SPECIAL: dict[str, Any] = {
    "role": lambda m: wire.enum_name(pb.ContactRole, m.role, ROLE),
    "birth_date": _birth_date,
    "person_customer_id": lambda m: wire.optional_uuid(m.person_customer_id),
    "custom": lambda m: custom_values(m.custom, "contact.custom"),
}
FIELDS = (*_PLAIN, *_SPECIAL, "identifiers")


def check_new(message: pb.Contact) -> None:
    violations = []
    if not message.customer_id:
        violations.append(Violation("contact.customer_id", "say whose contact it is"))
    if not (message.display_name or full_name(message.given_name, message.family_name)):
        violations.append(Violation("contact.display_name", "a contact needs a name"))
    if violations:
        raise InvalidArgument(violations)
