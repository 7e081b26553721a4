"""What of an event goes on the customer's page. Pure: event in, rows out."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1.consent_pb2 import ConsentState
from taproot.customer.v1.customer_pb2 import IDENTIFIER_KIND_EMAIL, IDENTIFIER_KIND_PHONE
from taproot_base import wire
from taproot_chassis.events import Event
from taproot_customer.profiles.packing import pack
from taproot_customer.timeline.payloads import decode

_COMPLAINT_FIRST = 10**16
_YEARLY_FIRST = 10**8
_NO_MEETING = ("NOTE", "EMAIL")
_PRODUCTS = 10


@dataclass(frozen=True)
class Item:
    """One row. `version`: the aggregate's, or what else decides which of two is newer."""

    customer_id: uuid.UUID
    section: str
    item_id: str
    version: int
    shown: bool
    rank: int = 0
    amount: Decimal | None = None
    currency_code: str | None = None
    due_date: dt.date | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def items_of(event: Event) -> Sequence[Item]:
    """Rows to write; none for events that do not change the page."""
    read = _READERS.get(event.aggregate_type)
    message: Any = decode(event) if read is not None and event.party_id is not None else None
    return () if read is None or message is None else read(event, message)


def _item(event: Event, section: str, record: Message, *, shown: bool, **values: Any) -> Item:
    assert event.party_id is not None
    return Item(
        customer_id=event.party_id,
        section=section,
        item_id=str(event.aggregate_id),
        version=event.version,
        shown=shown,
        data=pack(record) if shown else {},
        **values,
    )


def _micros(message: Any, name: str) -> int:
    return int(getattr(message, name).ToMicroseconds()) if message.HasField(name) else 0


def _ends_first(message: Any, name: str) -> int:
    """Rank by which the first to end leads; what never ends comes last."""
    return -wire.from_date(getattr(message, name)).toordinal() if message.HasField(name) else -(10**8)


def _state(message: Any, name: str = "state") -> str:
    """Short name of an enum value: `ORDER_STATE_DRAFT` -> `DRAFT`."""
    kind = message.DESCRIPTOR.fields_by_name[name].enum_type
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    return str(kind.values_by_number[getattr(message, name)].name).removeprefix(prefix)


def _alive(event: Event) -> bool:
    return event.name not in ("deleted", "merged")


def _contact(event: Event, message: Any) -> Sequence[Item]:
    contact = message.contact
    first = {i.kind: i.value for i in reversed(contact.identifiers)}
    first |= {i.kind: i.value for i in contact.identifiers if i.primary}
    shown = pb.ProfileContact(
        contact_id=contact.id,
        display_name=contact.display_name,
        job_title=contact.job_title,
        decision_maker=contact.decision_maker,
        primary=contact.primary,
        phone=first.get(IDENTIFIER_KIND_PHONE, ""),
        email=first.get(IDENTIFIER_KIND_EMAIL, ""),
    )
    rank = 2 * contact.decision_maker + contact.primary
    return [_item(event, "contacts", shown, shown=not contact.HasField("delete_time"), rank=rank)]


def _activity(event: Event, message: Any) -> Sequence[Item]:
    """Who of us met which contacts: one row per activity, so that one called off or moved takes its meeting back."""
    activity = message.activity
    if event.party_id is None:
        return ()
    there = [one for one in activity.participants if _state(one, "response") != "DECLINED"]
    met = _state(activity) == "DONE" and _state(activity, "kind") not in _NO_MEETING
    return [
        Item(
            event.party_id,
            "met",
            str(event.aggregate_id),
            event.version,
            shown=met and _alive(event) and not activity.HasField("delete_time"),
            rank=_micros(activity, "start_time"),
            data={
                "contacts": _once([activity.contact_id, *(one.contact_id for one in there)]) or [""],
                "users": _once([activity.owner_id, *(one.user_id for one in there)]) or [""],
            },
        )
    ]


def _once(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, ids)))


def _opportunity(event: Event, message: Any) -> Sequence[Item]:
    found = message.opportunity
    shown = pb.ProfileOpportunity(
        opportunity_id=found.id,
        display_name=found.display_name,
        stage=found.stage,
        amount=found.amount if found.HasField("amount") else None,
        close_date=found.expected_close_date if found.HasField("expected_close_date") else None,
        competitors=[seen.competitor_id for seen in found.competitors],
        owner_id=found.owner_id,
    )
    rank = int(Decimal(found.amount.amount or "0")) if found.HasField("amount") else 0
    is_open = _alive(event) and _state(found) == "OPEN"
    return [_item(event, "opportunities", shown, shown=is_open, rank=rank)]


def _order(event: Event, message: Any) -> Sequence[Item]:
    order = message.order
    total = order.totals.total if order.HasField("totals") and order.totals.HasField("total") else None
    shown = pb.ProfileOrder(
        order_id=order.id,
        number=order.number,
        state=_state(order),
        total=total,
        create_time=order.create_time,
        products=[line.display_name for line in order.lines[:_PRODUCTS]],
    )
    return [_item(event, "orders", shown, shown=_alive(event), rank=_micros(order, "create_time"))]


def _invoice(event: Event, message: Any) -> Sequence[Item]:
    """What is open; a credit note counts against it."""
    invoice = message.invoice
    left = Decimal(invoice.open_amount.amount or "0") if invoice.HasField("open_amount") else Decimal(0)
    sign = -1 if _state(invoice, "kind") == "CREDIT_NOTE" and left > 0 else 1
    due = wire.optional_date(invoice, "due_date")
    owed = left != 0 and _state(invoice) != "VOID"
    money = {"amount": sign * left, "currency_code": invoice.open_amount.currency_code, "due_date": due}
    return [_item(event, "invoices", pb.ProfileReceivable(), shown=owed, **money)]


def _payment(event: Event, message: Any) -> Sequence[Item]:
    left = message.payment.unallocated_amount
    amount = Decimal(left.amount or "0")
    shown = amount > 0 and event.name != "reversed"
    money = {"amount": amount, "currency_code": left.currency_code}
    return [_item(event, "payments", pb.ProfileReceivable(), shown=shown, **money)]


def _credit_limit(event: Event, message: Any) -> Sequence[Item]:
    limit = message.credit_limit.limit
    money = {"amount": Decimal(limit.amount or "0"), "currency_code": limit.currency_code}
    return [_item(event, "credit_limits", pb.ProfileReceivable(), shown=_alive(event), **money)]


def _entitlement(event: Event, message: Any) -> Sequence[Item]:
    found = message.entitlement
    shown = pb.ProfileEntitlement(
        entitlement_id=found.id,
        display_name=found.display_name,
        kind=_state(found, "kind"),
        state=_state(found),
        serial_number=found.device_serial,
        start_date=found.start_date if found.HasField("start_date") else None,
        end_date=found.end_date if found.HasField("end_date") else None,
        quantity=found.quantity,
    )
    owned = event.name != "revoked" and _state(found) == "ACTIVE"
    return [_item(event, "entitlements", shown, shown=owned, rank=_ends_first(found, "end_date"))]


def _ticket(event: Event, message: Any) -> Sequence[Item]:
    ticket = message.ticket
    running = [c.due_time for c in ticket.clocks if _state(c) == "RUNNING" and c.HasField("due_time")]
    due = min(running, key=lambda time: time.seconds, default=None)
    shown = pb.ProfileTicket(
        ticket_id=ticket.id,
        number=ticket.number,
        display_name=ticket.display_name,
        kind=_state(ticket, "kind"),
        state=_state(ticket),
        priority=_state(ticket, "priority"),
        due_time=due,
        create_time=ticket.create_time,
    )
    ended = _state(ticket) in ("RESOLVED", "CLOSED")
    came = _micros(ticket, "create_time")
    rank = came + (_COMPLAINT_FIRST if _state(ticket, "kind") == "COMPLAINT" else 0)
    return [
        _item(event, "tickets", shown, shown=_alive(event) and not ended, rank=rank),
        _item(event, "resolved_tickets", shown, shown=_alive(event) and ended, rank=came),
    ]


def _segment_member(event: Event, message: Any) -> Sequence[Item]:
    member = message.segment_member
    if event.party_id is None:
        return ()
    shown = pb.ProfileSegment(
        segment_id=member.segment_id, display_name=member.segment_display_name, enter_time=member.enter_time
    )
    # the aggregate is the membership; one segment is one line however often the customer comes back
    return [
        Item(
            event.party_id,
            "segments",
            member.segment_id,
            event.version,
            shown=event.name == "entered",
            rank=_micros(member, "enter_time"),
            data=pack(shown),
        )
    ]


def _loyalty(event: Event, message: Any) -> Sequence[Item]:
    account = message.loyalty_account
    shown = pb.ProfileLoyalty(
        account_id=account.id,
        display_name=account.display_name,
        balance=str(account.balance),
        tier=account.tier,
    )
    return [_item(event, "loyalty", shown, shown=True, rank=account.balance)]


def _without_custom(record: Any) -> Any:
    """A Struct does not go through a constructor, and the page does not show it."""
    copy = type(record)()
    copy.CopyFrom(record)
    copy.ClearField("custom")
    return copy


def _relationship(event: Event, message: Any) -> Sequence[Item]:
    """On the pages of both."""
    found = _without_custom(message.relationship)
    mine = _item(event, "relationships", found, shown=_alive(event), rank=_micros(found, "create_time"))
    values = {**mine.__dict__, "customer_id": uuid.UUID(found.related_customer_id)}
    return [mine, Item(**values)]


def _task(event: Event, message: Any) -> Sequence[Item]:
    task = _without_custom(message.task)
    waiting = not task.HasField("delete_time") and _state(task) == "OPEN"
    due = _micros(task, "due_time") or 10**17
    return [_item(event, "tasks", task, shown=waiting, rank=-due)]


def _consent(event: Event, message: Any) -> Sequence[Item]:
    consent = message.consent
    if event.party_id is None:
        return ()
    state = ConsentState(
        purpose=consent.purpose,
        channel=consent.channel,
        decision=consent.decision,
        effective_time=consent.effective_time,
        expire_time=consent.expire_time if consent.HasField("expire_time") else None,
        source=consent.source,
        consent_id=consent.id,
    )
    at = _micros(consent, "effective_time")
    key = f"{consent.purpose}:{consent.channel}"
    return [Item(event.party_id, "consents", key, at, shown=True, rank=at, data=pack(state))]


def _quote(event: Event, message: Any) -> Sequence[Item]:
    """Only those that wait for the customer."""
    quote = message.quote
    shown = pb.ProfileQuote(
        quote_id=quote.id,
        number=quote.number,
        total=quote.totals.total if quote.totals.HasField("total") else None,
        send_time=quote.send_time if quote.HasField("send_time") else None,
        valid_until=quote.valid_until if quote.HasField("valid_until") else None,
    )
    waits = _alive(event) and _state(quote) == "SENT"
    return [_item(event, "quotes", shown, shown=waits, rank=-_micros(quote, "send_time"))]


def _survey(event: Event, message: Any) -> Sequence[Item]:
    """The aggregate may be the survey; what was answered is a row of its own."""
    answer = message.response
    if event.party_id is None or _state(answer) != "ANSWERED" or not answer.HasField("score"):
        return ()
    shown = pb.ProfileSurvey(
        response_id=answer.id,
        kind=_state(answer, "kind"),
        score=answer.score,
        low=answer.low,
        answer_time=answer.answer_time,
    )
    at = _micros(answer, "answer_time")
    return [
        Item(event.party_id, "surveys", answer.id, event.version, shown=True, rank=at, data=pack(shown)),
    ]


def _care_date(event: Event, message: Any) -> Sequence[Item]:
    """Without those of entitlements: the page shows these themselves."""
    found = message.care_date
    yearly = _state(found, "recurrence") == "YEARLY"
    shown = pb.ProfileCareDate(
        care_date_id=found.id,
        contact_id=found.contact_id,
        kind=_state(found, "kind"),
        display_name=found.display_name,
        date=found.date,
        yearly=yearly,
    )
    own = _state(found) == "ACTIVE" and _state(found, "source") != "ENTITLEMENT"
    kept = own and _alive(event) and not found.HasField("delete_time") and found.HasField("date")
    rank = _YEARLY_FIRST if yearly else -_ends_first(found, "date")
    return [_item(event, "care_dates", shown, shown=kept, rank=rank)]


_READERS: dict[str, Callable[[Event, Any], Sequence[Item]]] = {
    "contact": _contact,
    "activity": _activity,
    "opportunity": _opportunity,
    "order": _order,
    "invoice": _invoice,
    "payment": _payment,
    "credit_limit": _credit_limit,
    "entitlement": _entitlement,
    "ticket": _ticket,
    "segment_member": _segment_member,
    "loyalty_account": _loyalty,
    "relationship": _relationship,
    "task": _task,
    "consent": _consent,
    "quote": _quote,
    "survey": _survey,
    "care_date": _care_date,
}
