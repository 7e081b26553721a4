"""Customers between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent, CustomerMerge
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1.customer_share_pb2 import CustomerShare
from taproot.customer.v1.pool_pb2 import OwnershipKind
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.customers.model import Customer, Key, full_name
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_records.mapping import message_of
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND, STATUS, IDENTIFIER = "CUSTOMER_KIND_", "CUSTOMER_STATUS_", "IDENTIFIER_KIND_"
_PLAIN = (
    "display_name", "given_name", "family_name", "value_class", "industry", "region", "source",
    "language_code", "time_zone", "key_account", "note",
)  # fmt: skip


def to_message(row: Any) -> pb.Customer:
    """From a row of `queries.columns` or a mapped Customer."""
    read = row.__getitem__ if not isinstance(row, Customer) else lambda name: getattr(row, name)
    message = pb.Customer(
        id=str(read("id")),
        kind=wire.enum_number(pb.CustomerKind, read("kind"), KIND),
        status=wire.enum_number(pb.CustomerStatus, read("status"), STATUS),
        birth_date=wire.to_date(read("birth_date")),
        identifiers=[_identifier(stored) for stored in read("identifiers")],
        addresses=[pb.Address(**stored) for stored in read("addresses")],
        tags=read("tags"),
        parent_id=wire.text_of(read("parent_id")),
        owner_id=wire.text_of(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        loyalty_class=read("loyalty_class"),
        etag=str(read("version")),
        merged_ids=[str(key) for key in read("merged_ids")],
        **{name: read(name) for name in _PLAIN},
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def _identifier(stored: dict[str, Any]) -> pb.Identifier:
    return pb.Identifier(
        kind=wire.enum_number(pb.IdentifierKind, stored["kind"], IDENTIFIER),
        value=stored["value"],
        label=stored["label"],
        primary=stored["primary"],
    )


def to_event(customer: Customer, recorded: Recorded) -> CustomerEvent:
    detail = recorded.detail
    event = CustomerEvent(
        customer=to_message(customer),
        previous_owner_id=wire.text_of(detail.get("previous_owner_id")),
        previous_branch_id=wire.text_of(detail.get("previous_branch_id")),
    )
    if "kind" in detail:
        event.ownership_kind = wire.enum_number(OwnershipKind, detail["kind"], "OWNERSHIP_KIND_")
    if detail.get("recall_time"):
        event.recall_time.FromDatetime(detail["recall_time"])
    event.shares.extend(to_share(share) for share in customer.shares)
    if "share" in detail:
        event.share.CopyFrom(to_share(detail["share"]))
    if "merge_id" in detail:
        sources = [str(key) for key in detail["source_ids"]]
        event.merge.CopyFrom(CustomerMerge(merge_id=str(detail["merge_id"]), source_ids=sources))
    return event


def to_share(share: Mapping[str, Any]) -> CustomerShare:
    """From a row of `customer_shares` or from what is kept of it with the customer."""
    return message_of(CustomerShare, share)


def to_values(message: pb.Customer, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields of a message. Raises InvalidArgument with every violation."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name in _SPECIAL:
            values[name] = _SPECIAL[name](message)
    return values


def _birth_date(message: pb.Customer) -> Any:
    try:
        return wire.optional_date(message, "birth_date")
    except ValueError as error:
        raise InvalidArgument([("customer.birth_date", "is not a day of the calendar")]) from error


def _identifiers(message: pb.Customer) -> list[dict[str, Any]]:
    seen: set[int] = {i.kind for i in message.identifiers if i.primary}
    stored = []
    for identifier in message.identifiers:
        primary = identifier.primary or identifier.kind not in seen
        seen.add(identifier.kind)
        kind = wire.enum_name(pb.IdentifierKind, identifier.kind, IDENTIFIER)
        stored.append(
            {"kind": kind, "value": identifier.value.strip(), "label": identifier.label, "primary": primary}
        )
    return stored


def _addresses(message: pb.Customer) -> list[dict[str, Any]]:
    names = ("city", "region", "postal_code", "country")
    return [
        {"lines": list(address.lines)} | {name: getattr(address, name) for name in names}
        for address in message.addresses
    ]


_SPECIAL: dict[str, Any] = {
    "kind": lambda m: wire.enum_name(pb.CustomerKind, m.kind, KIND),
    "status": lambda m: wire.enum_name(pb.CustomerStatus, m.status, STATUS) or "potential",
    "birth_date": _birth_date,
    "identifiers": _identifiers,
    "addresses": _addresses,
    "tags": lambda m: list(m.tags),
    "parent_id": lambda m: wire.optional_uuid(m.parent_id),
    "custom": lambda m: custom_values(m.custom, "customer.custom"),
}


FIELDS = (*_PLAIN, *_SPECIAL)
"""Fields of a customer that a caller may set, but for its place."""

BY_VERB = {"owner_id": "AssignCustomer", "branch_id": "AssignCustomer"}


def keys_of(message: pb.Customer, region: str) -> list[Key]:
    """Identifiers in matching form. Raises InvalidArgument naming each that makes no sense."""
    keys, violations = [], []
    for number, identifier in enumerate(message.identifiers):
        kind = wire.enum_name(pb.IdentifierKind, identifier.kind, IDENTIFIER)
        try:
            keys.append(Key(kind, normal_form(kind, identifier.value, region)))
        except InvalidIdentifier as error:
            violations.append(Violation(f"customer.identifiers[{number}].value", str(error)))
    if violations:
        raise InvalidArgument(violations)
    return list(dict.fromkeys(keys))


def check_new(message: pb.Customer) -> None:
    """What a new customer must have, beyond the rules of each field."""
    violations = []
    if not message.kind:
        violations.append(Violation("customer.kind", "state whether it is a person or an organisation"))
    if not (message.display_name or full_name(message.given_name, message.family_name)):
        violations.append(Violation("customer.display_name", "a customer needs a name"))
    if violations:
        raise InvalidArgument(violations)


def optional_key(text: str) -> uuid.UUID | None:
    return wire.optional_uuid(text)
