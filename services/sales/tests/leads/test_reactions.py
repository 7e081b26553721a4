from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.v1.form_pb2 import Form, FormSubmission, Utm
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot_base.auth import Principal
from taproot_base.ids import new_id
from taproot_testkit import Caller, Harness, branch_id


@pytest.fixture
def leads(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(LeadsServiceStub, admin)


def submitted(sales: Harness, key: str, **values: Any) -> Any:
    """`form.submitted` as marketing publishes it, each time with another event id."""
    submission = FormSubmission(
        **{"id": key, "name": "Chen Yu", "phone": "13900000000", "region": "neptune"} | values,
        utm=Utm(source="search", campaign="spring"),
        branch_id=branch_id("/hq/e/hz/"),
    )
    message = FormEvent(form=Form(id=str(new_id())), submission=submission)
    return sales.event("form.submitted", message, key, source="marketing")


async def found(leads: Caller, key: str) -> list[pb.Lead]:
    page = await leads.ListLeads(rpc.ListLeadsRequest(filter=f'form_submission_id = "{key}"'))
    return list(page.leads)


class TestCaptureForm:
    async def test_a_submission_becomes_a_lead(self, sales: Harness, leads: Caller) -> None:
        key = str(new_id())
        await sales.deliver(submitted(sales, key, referral_code="FRIEND", message="Please call"))
        (lead,) = await found(leads, key)
        assert (lead.source, lead.utm.campaign, lead.message) == ("web_form", "spring", "Please call")
        assert lead.branch_id == branch_id("/hq/e/hz/")
        assert lead.score_reasons[0].detail == "referral"

    async def test_never_twice_even_when_published_twice_at_once(self, sales: Harness, leads: Caller) -> None:
        key = str(new_id())
        copies = [submitted(sales, key) for _ in range(4)]
        await asyncio.gather(*(sales.deliver(event) for event in copies), return_exceptions=True)
        await sales.deliver(submitted(sales, key))
        assert len(await found(leads, key)) == 1

    async def test_answers_are_kept_and_a_name_is_not_needed(self, sales: Harness, leads: Caller) -> None:
        key = str(new_id())
        answers = Struct()
        answers.update({"company_size": "50-100"})
        await sales.deliver(submitted(sales, key, name="", answers=answers))
        (lead,) = await found(leads, key)
        assert (lead.name, lead.custom["company_size"]) == ("13900000000", "50-100")

    async def test_through_the_bus(self, sales: Harness, leads: Caller) -> None:
        key = str(new_id())
        await sales.publish(submitted(sales, key))
        for _ in range(100):
            if await found(leads, key):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("no lead came of the submission")
