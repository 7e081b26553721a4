"""What two records are compared by, from a stored or a proposed customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from taproot_customer.customers.model import full_name
from taproot_customer.matching.identifiers import InvalidIdentifier, base_phone, normal_form
from taproot_customer.matching.traits import Identity


def identity_of(values: Mapping[str, Any], region: str) -> Identity:
    """`values`: columns of a customer."""
    normal = _normals(values.get("identifiers") or (), region)
    address: Mapping[str, Any] = next(iter(values.get("addresses") or ()), {})
    born = values.get("birth_date")
    given, family = values.get("given_name") or "", values.get("family_name") or ""
    return Identity(
        organization=values.get("kind") == "organization",
        name=values.get("display_name") or full_name(given, family),
        given_name=given,
        family_name=family,
        birth_date=born if isinstance(born, dt.date) else None,
        phones=frozenset(base_phone(value) for kind, value in normal if kind == "phone"),
        emails=frozenset(value for kind, value in normal if kind == "email"),
        numbers=frozenset((kind, value) for kind, value in normal if kind in ("tax_number", "external")),
        street=" ".join(address.get("lines") or ()),
        city=address.get("city") or "",
        region=address.get("region") or "",
        postal_code=address.get("postal_code") or "",
    )


def _normals(identifiers: Sequence[Mapping[str, Any]], region: str) -> list[tuple[str, str]]:
    found = []
    for identifier in identifiers:
        try:
            found.append((identifier["kind"], normal_form(identifier["kind"], identifier["value"], region)))
        except InvalidIdentifier:
            continue  # written before the rules were; it can match nothing
    return found
