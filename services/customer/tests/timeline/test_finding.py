"""Looking for something in a customer's timeline: by kind, channel, person, period and words."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.v1 import activity_pb2 as act
from taproot.customer.v1 import timeline_service_pb2 as rpc
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import Order
from taproot.sales.v1.sales_line_pb2 import SalesTotals
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1.ticket_pb2 import Ticket
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.timeline.finding import veiled_types

CONTACT = "0193a000-0000-7000-8000-00000000c0de"


@pytest_asyncio.fixture(loop_scope="session")
async def customer(service, make_customer):
    made = await make_customer("万科A")

    async def tell(event_type: str, message: Any, key: str, source: str) -> None:
        event = service.event(event_type, message, key, source=source, party_id=made.id)
        await service.deliver(event, "timeline")

    for kind, name, body in (
        (act.ACTIVITY_KIND_CALL, "续约电话", "客户说臺北的物業合同 will be RENEWED in May"),
        (act.ACTIVITY_KIND_VISIT, "年度拜访", ""),
        (act.ACTIVITY_KIND_NOTE, "内部记录", ""),
    ):
        activity = act.Activity(
            id=str(new_id()), customer_id=made.id, kind=kind, display_name=name, body=body, contact_id=CONTACT
        )
        await tell("activity.created", ActivityEvent(activity=activity), activity.id, "customer")
    ticket = Ticket(
        id=str(new_id()), number="T-77", display_name="电梯故障", channel="WeChat", customer_id=made.id
    )
    await tell("ticket.created", TicketEvent(ticket=ticket), ticket.id, "servicedesk")
    total = SalesTotals(total=Money(currency_code="CNY", amount="777.77"))
    order = Order(id=str(new_id()), number="SO-9", customer_id=made.id, totals=total)
    await tell("order.confirmed", OrderEvent(order=order), order.id, "sales")
    return made


@pytest.fixture
def find(service, admin, customer):
    async def run(text: str, by: Any = None) -> list[str]:
        stub = service.stub(TimelineServiceStub, by or admin)
        request = rpc.ListTimelineEntriesRequest(
            customer_id=customer.id, filter=f'({text}) AND event_type != "customer.created"'
        )
        found = (await stub.ListTimelineEntries(request)).timeline_entries
        return [entry.params.get("display_name") or entry.params.get("number", "") for entry in found]

    return run


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('channel = "phone"', ["续约电话"]),
        ('channel = "visit" OR channel = "wechat"', ["T-77", "年度拜访"]),
        (f'contact_id = "{CONTACT}" AND channel = ""', ["内部记录"]),
        ("kind = TOUCH", ["内部记录", "年度拜访", "续约电话"]),
        ('text:"物业"', ["续约电话"]),
        ('text:"台北的物业合同"', ["续约电话"]),
        ('text:"renewed"', ["续约电话"]),
        ('text:"renew"', []),
        ('text:"续约 合同"', ["续约电话"]),
        ('text:"SO-9"', ["SO-9"]),
        ('kind = TOUCH AND NOT text:"电话"', ["内部记录", "年度拜访"]),
        ('text:"年度" AND occurred_time > "2020-01-01T00:00:00Z"', ["年度拜访"]),
        ('text:"年度" AND occurred_time < "2020-01-01T00:00:00Z"', []),
    ],
)
async def test_finds(find, text, names):
    found = await find(text)
    assert sorted(found) == sorted(
        "电梯故障" if name == "T-77" and name not in found else name for name in names
    )


async def test_by_who_did_it(find, service, admin):
    assert len(await find(f'actor = "{admin.subject}"')) + len(await find(f'actor != "{admin.subject}"')) == 5


async def test_the_line_names_channel_and_person(service, admin, customer):
    stub = service.stub(TimelineServiceStub, admin)
    request = rpc.ListTimelineEntriesRequest(customer_id=customer.id, filter='channel = "phone"')
    (entry,) = (await stub.ListTimelineEntries(request)).timeline_entries
    assert (entry.channel, entry.contact_id) == ("phone", CONTACT)


async def test_hidden_words_find_nothing(find, service, customer, failure):
    every = dict.fromkeys(("customers.read", "activities.read", "orders.read", "tickets.read"), "all")
    rich = await service.add_user(every)
    poor = await service.add_user(every, masked=("financial",))
    assert await find('text:"777.77"', rich) == ["SO-9"]
    assert await find('text:"777.77"', poor) == []
    assert await find('text:"年度"', poor) == ["年度拜访"]
    blind = await service.add_user(every, masked=("note",))
    assert (await failure(find('text:"年度"', blind))).kind is Kind.INVALID
    assert await find('text:"年度"', rich) == ["年度拜访"]


def test_every_event_type_says_what_its_words_are_made_of():
    everything = frozenset({"personal", "contact", "financial", "identity", "note"})
    assert {"order.confirmed", "contact.created", "activity.created"} <= set(veiled_types(everything))
    assert veiled_types(frozenset()) == ()
