"""The profile built anew from the same events, in another order, is the profile."""

from __future__ import annotations

import datetime as dt
import uuid

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import select

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.events.v1.care_date_event_pb2 import CareDateEvent
from taproot.customer.v1 import activity_pb2, care_date_pb2
from taproot.sales.events.v1.quote_event_pb2 import QuoteEvent
from taproot.sales.v1.quote_pb2 import Quote
from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent
from taproot.servicedesk.v1.survey_response_pb2 import SurveyResponse
from taproot_base.ids import new_id
from taproot_chassis.rebuild import _empty
from taproot_customer.profiles.model import profile_items
from taproot_storage.visibility import unscoped

START = Timestamp(seconds=int(dt.datetime(2026, 1, 5, tzinfo=dt.UTC).timestamp()))


def _steps():
    """(service, event type, states in their order)"""
    contact = str(new_id())
    met = activity_pb2.Activity(contact_id=contact, state="ACTIVITY_STATE_DONE", start_time=START)
    called_off = activity_pb2.Activity(contact_id=contact, state="ACTIVITY_STATE_CANCELLED")
    date = care_date_pb2.CareDate(display_name="x", state="CARE_DATE_STATE_ACTIVE")
    date.date.year, date.date.month, date.date.day = 2027, 1, 1
    answer = SurveyResponse(
        id=str(new_id()), state="SURVEY_RESPONSE_STATE_ANSWERED", score=3, answer_time=START
    )
    return [
        ("customer", "activity.created", [ActivityEvent(activity=met)]),
        ("customer", "activity.updated", [ActivityEvent(activity=met), ActivityEvent(activity=called_off)]),
        ("customer", "care_date.updated", [CareDateEvent(care_date=date)]),
        ("sales", "quote.updated", [
            QuoteEvent(quote=Quote(number="Q-1", state="QUOTE_STATE_DRAFT")),
            QuoteEvent(quote=Quote(number="Q-1", state="QUOTE_STATE_SENT", send_time=START)),
        ]),
        ("sales", "quote.updated", [
            QuoteEvent(quote=Quote(number="Q-2", state="QUOTE_STATE_SENT", send_time=START)),
            QuoteEvent(quote=Quote(number="Q-2", state="QUOTE_STATE_EXPIRED")),
        ]),
        ("servicedesk", "survey.answered", [SurveyEvent(response=answer)]),
    ]  # fmt: skip


async def test_a_rebuild_gives_the_same_rows(service, make_customer, tell):
    customer = await make_customer()

    async def stored():
        async with service.runtime.database.reading() as reader:
            of = profile_items.c.customer_id == uuid.UUID(customer.id)
            rows = select(profile_items).where(of, unscoped(profile_items, "the test"))
            ordered = rows.order_by(profile_items.c.section, profile_items.c.item_id)
            return [dict(row) for row in await reader.fetch(ordered)]

    events = []
    for source, name, states in _steps():
        key = new_id()
        for version, message in enumerate(states, 1):
            events.append(await tell(customer.id, source, name, message, key, version))
    mine = [one.subscription for one in service.process.consumers if one.subscription.name == "profile"]
    with service.system_call():
        before = await stored()
        await _empty(mine, service.runtime.database)
        assert await stored() == []
    for event in reversed(events):
        await service.deliver(event, "profile")
    with service.system_call():
        assert await stored() == before
    assert sorted(row["section"] for row in before if row["shown"]) == [
        "care_dates",
        "met",
        "quotes",
        "surveys",
    ]
