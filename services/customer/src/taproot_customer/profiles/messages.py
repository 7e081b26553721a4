"""The row of one read as the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import profile_pb2 as pb
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_customer.customers import messages as customers
from taproot_customer.facts import messages as facts
from taproot_customer.profiles import expiring, rules, summary
from taproot_customer.profiles.queries import SECTION_SIZE
from taproot_customer.profiles.sight import Sight
from taproot_customer.suggestions.kinds import rules_of
from taproot_customer.timeline import messages as timeline


def to_message(row: Any, sight: Sight, currency: str, within: int) -> pb.CustomerProfile:
    profile = pb.CustomerProfile(customer=customers.to_message(row), facts=facts.to_message(row, currency))
    for section, data in row["sections"] or ():
        shown = getattr(profile, section)
        if len(shown) < SECTION_SIZE:
            shown.add(**data)
    _add_meetings(profile, row["met"] or ())
    _name_competitors(profile, row["competitors"] or {})
    profile.receivables.extend(_receivables(row["money"] or ()))
    profile.touches.extend(_touch(stored) for stored in row["touches"] or ())
    profile.cross_sells.extend(map(_cross_sell, row["offers"] or ()))
    profile.expiries.extend(expiring.expiries(profile, sight, within))
    profile.suggestions.extend(rules.suggestions(profile, sight, rules_of(row["rules"])))
    profile.summary_zh, profile.summary_en = summary.of(profile, sight)
    return profile


def _add_meetings(profile: pb.CustomerProfile, met: Sequence[Any]) -> None:
    """The latest first, as they come."""
    contacts = {contact.contact_id: contact for contact in profile.contacts}
    for key, user, at, count in met:
        last = Timestamp()
        last.FromMicroseconds(at)
        place = contacts.get(key) if key else profile
        if place is not None and len(place.meetings) < SECTION_SIZE:
            place.meetings.add(user_id=user, last_time=last, count=count)
    for contact in profile.contacts:
        if contact.meetings:
            contact.last_met_by_id = contact.meetings[0].user_id
            contact.last_met_time.CopyFrom(contact.meetings[0].last_time)


def _cross_sell(stored: Sequence[str]) -> pb.ProfileCrossSell:
    key, name, owned, owned_name, customers, support, confidence, lift = stored
    return pb.ProfileCrossSell(
        product_id=key,
        display_name=name,
        owned_product_id=owned,
        owned_display_name=owned_name,
        customer_count=int(customers),
        support=support,
        confidence=confidence,
        lift=lift,
    )


def _name_competitors(profile: pb.CustomerProfile, names: dict[str, str]) -> None:
    for deal in profile.opportunities:
        known = [names.get(key, key) for key in deal.competitors]
        del deal.competitors[:]
        deal.competitors.extend(known)


def _receivables(sums: Any) -> list[pb.ProfileReceivable]:
    found: dict[str, pb.ProfileReceivable] = {}
    for section, currency, total, late, count, since in sums:
        owed = found.setdefault(currency, pb.ProfileReceivable())
        if section == "invoices":
            owed.balance.CopyFrom(_money(total, currency))
            owed.overdue.CopyFrom(_money(late, currency))
            owed.invoice_count = count
            if since:
                owed.overdue_since.CopyFrom(wire.to_date(dt.date.fromisoformat(since)))
        else:
            getattr(owed, "unallocated" if section == "payments" else "credit_limit").CopyFrom(
                _money(total, currency)
            )
    for currency, owed in found.items():
        _add_credit(owed, currency)
    return [found[currency] for currency in sorted(found)]


def _add_credit(owed: pb.ProfileReceivable, currency: str) -> None:
    if not owed.HasField("credit_limit"):
        return
    used = max(_amount(owed.balance) - _amount(owed.unallocated), Decimal(0))
    owed.credit_used.CopyFrom(_money(used, currency))
    owed.credit_free.CopyFrom(_money(_amount(owed.credit_limit) - used, currency))


def _amount(money: Money) -> Decimal:
    return Decimal(money.amount or "0")


def _money(amount: str | Decimal, currency: str) -> Money:
    money = wire.to_money(Decimal(amount), currency)
    assert money is not None
    return money


def _touch(stored: dict[str, Any]) -> Any:
    occurred = dt.datetime.fromisoformat(stored["occurred_at"]).astimezone(dt.UTC)
    keys = {name: UUID(stored[name]) for name in ("id", "customer_id", "resource_id")}
    return timeline.to_message({**stored, **keys, "occurred_at": occurred})
