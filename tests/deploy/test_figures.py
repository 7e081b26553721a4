"""What dashboards show of the services' own tables, counted by each service's own process."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from taproot.sales.v1 import lead_pb2, lead_service_pb2
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot_chassis import measuring
from taproot_local.api import eventually


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(measuring, "MEASURE_SECONDS", 0.1)


async def becomes(wanted, name, **labels):
    async def look():
        return REGISTRY.get_sample_value(name, labels) == wanted

    await eventually(look, 60, f"{name} {labels} to be {wanted}")


async def test_leads_that_wait(start_service):
    sales = await start_service("sales")
    await becomes(0, "taproot_leads_waiting")
    seller = await sales.add_user({"leads.*": "own"})
    lead = lead_pb2.Lead(name="Li Wei", phone="+86 21 5555 0100", owner_id=seller.subject)
    await sales.stub(LeadsServiceStub, await sales.admin()).CreateLead(
        lead_service_pb2.CreateLeadRequest(lead=lead)
    )
    await becomes(1, "taproot_leads_waiting")
    await becomes(0, "taproot_leads_overdue")


@pytest.mark.parametrize(
    ("service", "name", "labels"),
    [
        ("servicedesk", "taproot_sla_clocks", {"state": "at_risk"}),
        ("marketing", "taproot_mails_due", {}),
        ("marketing", "taproot_mails_oldest_due_seconds", {}),
    ],
)
async def test_nothing_counts_as_nothing(start_service, service, name, labels):
    await start_service(service)
    await becomes(0, name, **labels)
