"""The row of one read as the page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot.customer.v1 import profile_pb2 as pb
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_customer.customers import messages as customers
from taproot_customer.facts import messages as facts
from taproot_customer.profiles import rules
from taproot_customer.profiles.queries import SECTION_SIZE
from taproot_customer.timeline import messages as timeline


def to_message(row: Any, now: dt.datetime, today: dt.date, currency: str) -> pb.CustomerProfile:
    profile = pb.CustomerProfile(customer=customers.to_message(row), facts=facts.to_message(row, currency))
    for section, data in row["sections"] or ():
        shown = getattr(profile, section)
        if len(shown) < SECTION_SIZE:
            shown.add(**data)
    _add_meetings(profile, row["met"] or {})
    _name_competitors(profile, row["competitors"] or {})
    profile.receivables.extend(_receivables(row["money"] or ()))
    profile.touches.extend(_touch(stored) for stored in row["touches"] or ())
    profile.expiries.extend(rules.expiries(profile, today))
    profile.suggestions.extend(rules.suggestions(profile, now))
    return profile


def _add_meetings(profile: pb.CustomerProfile, met: dict[str, Any]) -> None:
    for contact in profile.contacts:
        if contact.contact_id in met:
            contact.MergeFrom(pb.ProfileContact(**met[contact.contact_id]))


def _name_competitors(profile: pb.CustomerProfile, names: dict[str, str]) -> None:
    for deal in profile.opportunities:
        known = [names.get(key, key) for key in deal.competitors]
        del deal.competitors[:]
        deal.competitors.extend(known)


def _receivables(sums: Any) -> list[pb.ProfileReceivable]:
    found: dict[str, pb.ProfileReceivable] = {}
    for section, currency, total, late, count in sums:
        owed = found.setdefault(currency, pb.ProfileReceivable())
        if section == "invoices":
            owed.balance.CopyFrom(_money(total, currency))
            owed.overdue.CopyFrom(_money(late, currency))
            owed.invoice_count = count
        else:
            getattr(owed, "unallocated" if section == "payments" else "credit_limit").CopyFrom(
                _money(total, currency)
            )
    return [found[currency] for currency in sorted(found)]


def _money(text: str, currency: str) -> Money:
    money = wire.to_money(Decimal(text), currency)
    assert money is not None
    return money


def _touch(stored: dict[str, Any]) -> Any:
    occurred = dt.datetime.fromisoformat(stored["occurred_at"]).astimezone(dt.UTC)
    keys = {name: UUID(stored[name]) for name in ("id", "customer_id", "resource_id")}
    return timeline.to_message({**stored, **keys, "occurred_at": occurred})
