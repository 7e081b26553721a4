"""A customer as one flat row whose keys are the fields an import maps columns to, so that files go both ways."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format

from taproot.customer.v1 import customer_pb2 as pb
from taproot_base import wire
from taproot_customer.customers.messages import IDENTIFIER, KIND, STATUS

JOIN = "; "
_PLAIN = (
    "display_name", "given_name", "family_name", "value_class", "industry", "region", "source", "language_code",
    "time_zone", "note",
)  # fmt: skip
_PARTS = ("city", "region", "postal_code", "country")
# The order of the columns in a file; what has parts comes with them, by number or name.
COLUMNS = (
    "taproot_id", "kind", "display_name", "given_name", "family_name", "phone", "email", "tax_number", "external",
    "address", "birth_date", "status", "value_class", "industry", "region", "source", "tags", "language_code",
    "time_zone", "key_account", "note", "custom",
)  # fmt: skip


def flat(customer: pb.Customer) -> dict[str, str]:
    """Only what has a value. The customer was masked before."""
    row = {"taproot_id": customer.id, "kind": wire.enum_name(pb.CustomerKind, customer.kind, KIND)}
    row |= {name: getattr(customer, name) for name in _PLAIN}
    row["status"] = wire.enum_name(pb.CustomerStatus, customer.status, STATUS)
    row["tags"] = JOIN.join(customer.tags)
    row["key_account"] = "true" if customer.key_account else ""
    if customer.HasField("birth_date"):
        date = customer.birth_date
        row["birth_date"] = dt.date(date.year, date.month, date.day).isoformat()
    row |= _identifiers(customer.identifiers) | _addresses(customer.addresses) | _custom(customer)
    return {name: value for name, value in row.items() if value}


def _identifiers(identifiers: Iterable[pb.Identifier]) -> dict[str, str]:
    """Several of one kind and label share a cell."""
    found: dict[str, list[str]] = {}
    for one in sorted(identifiers, key=lambda one: not one.primary):
        kind = wire.enum_name(pb.IdentifierKind, one.kind, IDENTIFIER)
        labelled = one.label and kind in ("phone", "email")
        if one.value:
            found.setdefault(f"{kind}.{one.label}" if labelled else kind, []).append(one.value)
    return {name: JOIN.join(values) for name, values in found.items()}


def _addresses(addresses: Iterable[pb.Address]) -> dict[str, str]:
    row: dict[str, str] = {}
    for number, address in enumerate(addresses, 1):
        prefix = "address" if number == 1 else f"address.{number}"
        row[f"{prefix}.lines"] = "\n".join(address.lines)
        row |= {f"{prefix}.{part}": getattr(address, part) for part in _PARTS}
    return row


def _custom(customer: pb.Customer) -> dict[str, str]:
    values: Mapping[str, Any] = json_format.MessageToDict(customer.custom)
    return {f"custom.{key}": _text(value) for key, value in values.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return JOIN.join(map(_text, value)) if isinstance(value, list) else str(value)


def ordered(met: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The columns that hold anything, each kind in its place; `wanted` narrows them by their first part."""
    asked = set(wanted)
    heads = {name: name.partition(".")[0] for name in met}
    rank = {name: place for place, name in enumerate(COLUMNS)}
    kept = [name for name, head in heads.items() if not asked or head in asked]
    return sorted(kept, key=lambda name: (rank[heads[name]], name.count("."), name))
