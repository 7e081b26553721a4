"""What ends soon, from what the page shows. Pure; run at every read, since time goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from taproot.customer.v1 import profile_pb2 as pb
from taproot_base import wire
from taproot_customer.care_dates.schedule import occurrence_in
from taproot_customer.profiles.sight import Sight

EXPIRY_DAYS = 90
_CELEBRATED = ("BIRTHDAY", "ANNIVERSARY")


def expiries(profile: pb.CustomerProfile, sight: Sight, within: int = EXPIRY_DAYS) -> list[pb.ProfileExpiry]:
    """What ends within so many days, first to end first."""
    found = [*_entitlements(profile), *_quotes(profile), *_consents(profile), *_care_dates(profile, sight)]
    ending = []
    for resource, key, name, end in found:
        left = (end - sight.today).days
        if 0 <= left <= within:
            ending.append(
                pb.ProfileExpiry(
                    resource=resource,
                    resource_id=key,
                    display_name=name,
                    end_date=wire.to_date(end),
                    days_left=left,
                )
            )
    return sorted(ending, key=lambda expiry: (expiry.days_left, expiry.resource, expiry.resource_id))


_Ending = tuple[str, str, str, dt.date]


def _entitlements(profile: pb.CustomerProfile) -> Iterator[_Ending]:
    for one in profile.entitlements:
        if one.HasField("end_date"):
            yield "entitlements", one.entitlement_id, one.display_name, wire.from_date(one.end_date)


def _quotes(profile: pb.CustomerProfile) -> Iterator[_Ending]:
    for one in profile.quotes:
        if one.HasField("valid_until"):
            yield "quotes", one.quote_id, one.number, wire.from_date(one.valid_until)


def _consents(profile: pb.CustomerProfile) -> Iterator[_Ending]:
    for one in profile.consents:
        if one.HasField("expire_time"):
            yield "consents", one.consent_id, one.purpose, wire.from_timestamp(one.expire_time).date()


def _care_dates(profile: pb.CustomerProfile, sight: Sight) -> Iterator[_Ending]:
    for one in sight.dates_of_care(profile):
        if one.kind not in _CELEBRATED:
            yield "careDates", one.care_date_id, sight.text(one, "display_name"), next_day(one, sight.today)


def next_day(date: pb.ProfileCareDate, today: dt.date) -> dt.date:
    """The day itself, or of a yearly one the next, today included."""
    day = wire.from_date(date.date)
    if not date.yearly or day >= today:
        return day
    this_year = occurrence_in(day, today.year)
    return this_year if this_year >= today else occurrence_in(day, today.year + 1)
