"""What ends soon and what to do next, from what the page shows. Pure; run at every read, since time goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1.consent_pb2 import CONSENT_DECISION_GRANTED
from taproot.customer.v1.customer_pb2 import CUSTOMER_KIND_ORGANIZATION
from taproot_base import wire

EXPIRY_DAYS = 90
RENEWAL_DAYS = 60
SILENT_DAYS = 90
CLOSING_DAYS = 7


def expiries(profile: pb.CustomerProfile, today: dt.date) -> list[pb.ProfileExpiry]:
    """What ends within EXPIRY_DAYS, first to end first."""
    found = []
    for entitlement in profile.entitlements:
        if entitlement.HasField("end_date"):
            left = (wire.from_date(entitlement.end_date) - today).days
            if 0 <= left <= EXPIRY_DAYS:
                found.append(
                    pb.ProfileExpiry(
                        resource="entitlements",
                        resource_id=entitlement.entitlement_id,
                        display_name=entitlement.display_name,
                        end_date=entitlement.end_date,
                        days_left=left,
                    )
                )
    return sorted(found, key=lambda expiry: expiry.days_left)


def suggestions(profile: pb.CustomerProfile, now: dt.datetime) -> list[pb.ProfileSuggestion]:
    """Most urgent first."""
    found = [
        *_complaints(profile),
        *_overdue(profile),
        *_renewals(profile),
        *_closing(profile, now.date()),
        *_decision_maker(profile),
        *_silence(profile, now),
        *_consent(profile),
    ]
    return sorted(found, key=lambda suggestion: suggestion.priority)


def _suggest(
    priority: int, action: str, zh: str, en: str, resource: str = "", key: str = ""
) -> pb.ProfileSuggestion:
    return pb.ProfileSuggestion(
        action=action, resource=resource, resource_id=key, reason_zh=zh, reason_en=en, priority=priority
    )


def _complaints(profile: pb.CustomerProfile) -> Iterator[pb.ProfileSuggestion]:
    for ticket in profile.tickets:
        if ticket.kind == "COMPLAINT":
            zh, en = f"投诉 {ticket.number} 尚未解决", f"Complaint {ticket.number} is open"
            yield _suggest(1, "answer_complaint", zh, en, "tickets", ticket.ticket_id)


def _overdue(profile: pb.CustomerProfile) -> Iterator[pb.ProfileSuggestion]:
    for owed in profile.receivables:
        if owed.HasField("overdue") and Decimal(owed.overdue.amount or "0") > 0:
            text = f"{owed.overdue.amount} {owed.overdue.currency_code}"
            yield _suggest(2, "collect_overdue", f"逾期应收 {text}", f"{text} is overdue", "invoices")


def _renewals(profile: pb.CustomerProfile) -> Iterator[pb.ProfileSuggestion]:
    for expiry in profile.expiries:
        if expiry.days_left <= RENEWAL_DAYS:
            zh = f"{expiry.display_name} 还有 {expiry.days_left} 天到期"
            en = f"{expiry.display_name} ends in {expiry.days_left} days"
            yield _suggest(3, "offer_renewal", zh, en, expiry.resource, expiry.resource_id)


def _closing(profile: pb.CustomerProfile, today: dt.date) -> Iterator[pb.ProfileSuggestion]:
    for deal in profile.opportunities:
        if deal.HasField("close_date"):
            date = wire.from_date(deal.close_date)
            if (date - today).days <= CLOSING_DAYS:
                zh, en = (
                    f"商机 {deal.display_name} 预计 {date} 成交",
                    f"{deal.display_name} is to close on {date}",
                )
                yield _suggest(4, "follow_up_opportunity", zh, en, "opportunities", deal.opportunity_id)


def _decision_maker(profile: pb.CustomerProfile) -> Iterator[pb.ProfileSuggestion]:
    organization = profile.customer.kind == CUSTOMER_KIND_ORGANIZATION
    if organization and not any(contact.decision_maker for contact in profile.contacts):
        yield _suggest(
            5, "find_decision_maker", "尚不知道谁是决策人", "No decision maker is known", "contacts"
        )


def _silence(profile: pb.CustomerProfile, now: dt.datetime) -> Iterator[pb.ProfileSuggestion]:
    last = max((entry.occurred_time.seconds for entry in profile.touches), default=0)
    since = (
        dt.datetime.fromtimestamp(last, dt.UTC) if last else wire.from_timestamp(profile.customer.create_time)
    )
    days = (now - since).days
    if days >= SILENT_DAYS:
        yield _suggest(6, "call_back", f"已有 {days} 天没有联系", f"No touch for {days} days", "customers")


def _consent(profile: pb.CustomerProfile) -> Iterator[pb.ProfileSuggestion]:
    known = [state for state in profile.consents if state.purpose == "marketing"]
    if not any(state.decision == CONSENT_DECISION_GRANTED for state in known) and not known:
        yield _suggest(
            7, "ask_consent", "尚未征得营销许可", "Consent to marketing was never asked for", "consents"
        )
