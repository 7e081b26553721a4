"""Contacts between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.v1 import contact_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.contacts.model import Contact
from taproot_customer.contacts.queries import SHELF
from taproot_customer.customers.model import full_name
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_records.mapping import Values, row_of
from taproot_storage.eventlog import Recorded


def to_event(contact: Contact, recorded: Recorded) -> ContactEvent:
    return ContactEvent(
        contact=SHELF.message(row_of(contact)),
        previous_owner_id=wire.text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(recorded.detail.get("previous_branch_id")),
    )


def with_identifiers(values: Values, region: str) -> Values:
    """Identifiers checked, stripped and with one primary of each kind. Raises InvalidArgument with every violation."""
    if "identifiers" not in values:
        return values
    violations: list[Violation] = []
    kept: list[dict[str, Any]] = []
    for number, item in enumerate(values["identifiers"]):
        wrong = _against(item, f"contact.identifiers[{number}]", region)
        if wrong is not None:
            violations.append(wrong)
        primary = item["primary"] or all(known["kind"] != item["kind"] for known in kept)
        kept.append(item | {"value": item["value"].strip(), "primary": primary})
    if violations:
        raise InvalidArgument(violations)
    return values | {"identifiers": kept}


def _against(item: dict[str, Any], field: str, region: str) -> Violation | None:
    if item["kind"] not in ("phone", "email"):
        return Violation(f"{field}.kind", "a contact has telephone numbers and e-mail addresses")
    try:
        normal_form(item["kind"], item["value"], region)
    except InvalidIdentifier as error:
        return Violation(f"{field}.value", str(error))
    return None


def check_new(message: pb.Contact) -> None:
    violations = []
    if not message.customer_id:
        violations.append(Violation("contact.customer_id", "say whose contact it is"))
    if not (message.display_name or full_name(message.given_name, message.family_name)):
        violations.append(Violation("contact.display_name", "a contact needs a name"))
    if violations:
        raise InvalidArgument(violations)
