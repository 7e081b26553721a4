"""What to do next, from what the page shows, by the enterprise's rules. Pure; run at every read, since time goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1.customer_pb2 import CUSTOMER_KIND_ORGANIZATION
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_customer.profiles.expiring import expiries, next_day
from taproot_customer.profiles.reasons import reason
from taproot_customer.profiles.sight import Sight
from taproot_customer.suggestions import kinds
from taproot_customer.suggestions.kinds import Rule, in_order

MOST_OFFERS = 3


@dataclass(frozen=True)
class Found:
    action: str
    resource: str
    key: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)


_Finder = Callable[[pb.CustomerProfile, Sight, Rule], Iterator[Found]]


def suggestions(
    profile: pb.CustomerProfile, sight: Sight, rules: Mapping[str, Rule]
) -> list[pb.ProfileSuggestion]:
    """Most urgent first."""
    return [
        _suggestion(rule, found)
        for rule in in_order(rules.values())
        if rule.enabled
        for found in _FINDERS[rule.kind](profile, sight, rule)
    ]


def _suggestion(rule: Rule, found: Found) -> pb.ProfileSuggestion:
    zh, en = reason(rule.kind, found.resource, found.figures)
    return pb.ProfileSuggestion(
        action=found.action,
        resource=found.resource,
        resource_id=found.key,
        reason_zh=zh,
        reason_en=en,
        priority=rule.priority,
        kind=rule.number,
        figures=found.figures,
    )


def _amount(money: Money) -> Decimal:
    return Decimal(money.amount or "0")


def _days_since(time: Timestamp, now: dt.datetime) -> int:
    return (now - wire.from_timestamp(time)).days


def _complaints(profile: pb.CustomerProfile, _sight: Sight, _rule: Rule) -> Iterator[Found]:
    for ticket in profile.tickets:
        if ticket.kind == "COMPLAINT":
            yield Found("answer_complaint", "tickets", ticket.ticket_id, {"number": ticket.number})


def _promises(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    """Late is what is due before now, if by less than a day."""
    due: list[tuple[str, str, str, Any]] = [
        *(("tasks", task.id, sight.text(task, "display_name"), task) for task in profile.tasks),
        *(("tickets", ticket.ticket_id, ticket.number, ticket) for ticket in profile.tickets),
    ]
    for resource, key, name, record in due:
        if record.HasField("due_time") and wire.from_timestamp(record.due_time) < sight.now:
            late = _days_since(record.due_time, sight.now)
            if late >= rule.days:
                yield Found("keep_promise", resource, key, {"name": name, "days": str(late)})


def _invoices(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for owed in profile.receivables:
        if not owed.HasField("overdue_since") or _amount(owed.overdue) <= 0:
            continue
        late = (sight.today - wire.from_date(owed.overdue_since)).days
        if late >= rule.days and _amount(owed.overdue) >= rule.amount:
            figures = {"amount": sight.text(owed, "overdue"), "days": str(late)}
            yield Found("collect_overdue", "invoices", figures=figures)


_RENEWALS = {"quotes": "follow_up_quote", "consents": "ask_consent"}


def _expiring(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for end in expiries(profile, sight, rule.days):
        action = _RENEWALS.get(end.resource, "offer_renewal")
        figures = {"name": end.display_name, "days": str(end.days_left)}
        yield Found(action, end.resource, end.resource_id, figures)


def _surveys(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for answer in profile.surveys:
        days = _days_since(answer.answer_time, sight.now)
        if answer.low and days < rule.days:
            figures = {"score": str(answer.score), "survey": answer.kind, "days": str(days)}
            yield Found("ask_why", "surveyResponses", answer.response_id, figures)


def _quotes(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for quote in profile.quotes:
        days = _days_since(quote.send_time, sight.now) if quote.HasField("send_time") else 0
        if days >= rule.days:
            figures = {"number": quote.number, "amount": sight.text(quote, "total"), "days": str(days)}
            yield Found("follow_up_quote", "quotes", quote.quote_id, figures)


def _closing(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for deal in profile.opportunities:
        if deal.HasField("close_date"):
            date = wire.from_date(deal.close_date)
            left = (date - sight.today).days
            if left <= rule.days:
                figures = {"name": deal.display_name, "date": date.isoformat(), "days": str(left)}
                yield Found("follow_up_opportunity", "opportunities", deal.opportunity_id, figures)


def _birthdays(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    for date in sight.dates_of_care(profile):
        day = next_day(date, sight.today)
        left = (day - sight.today).days
        if date.kind == "BIRTHDAY" and 0 <= left <= rule.days:
            name = sight.text(date, "display_name")
            figures = {"name": name, "date": day.isoformat(), "days": str(left)}
            yield Found("congratulate", "careDates", date.care_date_id, figures)


def _decision_maker(profile: pb.CustomerProfile, _sight: Sight, _rule: Rule) -> Iterator[Found]:
    organization = profile.customer.kind == CUSTOMER_KIND_ORGANIZATION
    if organization and not any(contact.decision_maker for contact in profile.contacts):
        yield Found("find_decision_maker", "contacts")


def _silence(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    """By what people did: mails of a journey and the like stand in the timeline and are no contact."""
    if not sight.activities:
        return
    known = profile.facts.HasField("last_contact_time")
    days = _days_since(profile.facts.last_contact_time if known else profile.customer.create_time, sight.now)
    if days >= rule.days:
        yield Found("call_back", "customers", profile.customer.id, {"days": str(days)})


def _consent(profile: pb.CustomerProfile, _sight: Sight, _rule: Rule) -> Iterator[Found]:
    if not any(state.purpose == "marketing" for state in profile.consents):
        yield Found("ask_consent", "consents")


def _credit(profile: pb.CustomerProfile, sight: Sight, rule: Rule) -> Iterator[Found]:
    ordered = profile.facts.HasField("last_order_time")
    if not sight.orders or (ordered and _days_since(profile.facts.last_order_time, sight.now) < rule.days):
        return
    for owed in profile.receivables:
        limit, free = _amount(owed.credit_limit), _amount(owed.credit_free)
        if limit > 0 and free * 100 >= limit * rule.least_percent:
            figures = {"amount": sight.text(owed, "credit_free"), "days": str(rule.days)}
            yield Found("offer_more", "creditLimits", figures=figures)


def _cross_sells(profile: pb.CustomerProfile, _sight: Sight, rule: Rule) -> Iterator[Found]:
    """The page has what speaks most for itself first, and shows what it rests on."""
    told = (
        one
        for one in profile.cross_sells
        if one.customer_count >= rule.least_customers and Decimal(one.confidence) * 100 >= rule.least_percent
    )
    for one in islice(told, MOST_OFFERS):
        figures = {
            "name": one.display_name,
            "owned": one.owned_display_name,
            "customers": str(one.customer_count),
            "support": _rounded(Decimal(one.support) * 100),
            "confidence": _rounded(Decimal(one.confidence) * 100),
            "lift": _rounded(Decimal(one.lift)),
        }
        yield Found("offer_product", "products", one.product_id, figures)


def _rounded(number: Decimal) -> str:
    return format(number.quantize(Decimal("0.1")), "f")


_FINDERS: Mapping[str, _Finder] = {
    kinds.COMPLAINT: _complaints,
    kinds.PROMISE: _promises,
    kinds.INVOICE: _invoices,
    kinds.EXPIRING: _expiring,
    kinds.SURVEY: _surveys,
    kinds.QUOTE: _quotes,
    kinds.CLOSING: _closing,
    kinds.BIRTHDAY: _birthdays,
    kinds.DECIDER: _decision_maker,
    kinds.SILENCE: _silence,
    kinds.CONSENT: _consent,
    kinds.CREDIT: _credit,
    kinds.CROSS_SELL: _cross_sells,
}
