"""Fields of the enterprise's own on records of a service that only hears of their definitions."""

from __future__ import annotations

import asyncio

import pytest

from taproot.customer.events.v1.custom_field_event_pb2 import CustomFieldEvent
from taproot.customer.v1 import custom_field_pb2 as fields
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_sales.leads.model import Lead


@pytest.fixture
def tell(sales):
    """The definition reaches this service as an event."""

    async def told(key: str, *, version: int = 1, field_id: str = "", **values: object) -> str:
        field = fields.CustomField(id=field_id or str(new_id()), resource_type="lead", key=key, **values)
        event = CustomFieldEvent(custom_field=field)
        await sales.deliver(
            sales.event("custom_field.updated", event, field.id, version=version, source="customer")
        )
        return field.id

    return told


@pytest.fixture
def leads(sales, admin):
    return sales.stub(LeadsServiceStub, admin)


async def make(leads, name: str, **custom: object) -> pb.Lead:
    lead = pb.Lead(name=name, phone="13900000000")
    lead.custom.update(custom)
    return await leads.CreateLead(rpc.CreateLeadRequest(lead=lead))


async def names(leads, text: str) -> list[str]:
    found = await leads.ListLeads(rpc.ListLeadsRequest(filter=text, order_by="display_name"))
    return [one.name for one in found.leads]


async def test_a_definition_told_by_event_rules_writes_and_lists(leads, tell):
    await make(leads, "以前", horse_power="strong")
    await tell("horse_power", type=fields.CUSTOM_FIELD_TYPE_INTEGER, filterable=True, minimum="1", version=1)
    with pytest.raises(InvalidArgument) as found:
        await make(leads, "坏", horse_power="0", unheard="x")
    assert {v.field for v in found.value.violations} == {"lead.custom.horse_power", "lead.custom.unheard"}
    await make(leads, "好", horse_power="150")
    assert await names(leads, "custom.horse_power > 100") == ["好"]
    assert await names(leads, "custom.horse_power = null") == ["以前"]


async def test_old_values_are_filled_in_when_a_field_becomes_filterable(sales, leads, tell):
    key = await tell("gearbox", type=fields.CUSTOM_FIELD_TYPE_TEXT)
    await make(leads, "自动", gearbox="auto")
    await tell("gearbox", field_id=key, type=fields.CUSTOM_FIELD_TYPE_TEXT, filterable=True, version=2)
    assert await names(leads, "custom.gearbox = auto") == ["自动"]
    for _ in range(200):
        if sales.runtime.directory.custom.of("lead")["gearbox"].indexed:
            break
        await asyncio.sleep(0.05)
    assert sales.runtime.directory.custom.of("lead")["gearbox"].indexed
    assert await names(leads, "custom.gearbox = auto") == ["自动"]


async def test_older_news_of_a_definition_change_nothing(leads, tell):
    key = await tell("seats", type=fields.CUSTOM_FIELD_TYPE_INTEGER, maximum="5", version=2)
    await tell("seats", field_id=key, type=fields.CUSTOM_FIELD_TYPE_INTEGER, maximum="9", version=1)
    with pytest.raises(InvalidArgument, match="is more than 5"):
        await make(leads, "七座", seats="7")


async def test_what_events_bring_is_kept_though_it_does_not_fit(sales, leads, tell):
    """A form that was submitted cannot be sent back."""
    await tell("wheels", type=fields.CUSTOM_FIELD_TYPE_INTEGER, filterable=True)
    with sales.system_call():
        async with sales.runtime.database.unit() as work:
            lead = Lead.create(
                {"id": new_id(), "name": "表单", "phone": "1", "custom": {"wheels": "many"}}, work.clock.now()
            )
            await work.add(lead)
    assert await names(leads, "name = 表单 AND custom.wheels = null") == ["表单"]
