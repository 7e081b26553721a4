"""One service's step: what is found, what goes, and that a repeat answers the same."""

from __future__ import annotations

import asyncio
import uuid

import pytest
import pytest_asyncio
from sqlalchemy import select

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot.operations.v1.personal_data_service_pb2_grpc import PersonalDataServiceStub
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1 import lead_service_pb2 as leads
from taproot.sales.v1.lead_pb2 import Lead
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot_base.auth import Principal
from taproot_base.errors import AppError
from taproot_storage.schema import event_log
from taproot_testkit import Harness

NUMBER = "13912345678"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sales(start_service) -> Harness:
    return await start_service("sales")


@pytest.fixture
def asking(sales):
    return sales.stub(PersonalDataServiceStub, Principal.service("customer"))


async def make_lead(sales: Harness, phone: str) -> Lead:
    caller = sales.stub(LeadsServiceStub, await sales.admin())
    lead = Lead(name="Arthur Dent", phone=phone, message="Mostly harmless", source="phone")
    return await caller.CreateLead(leads.CreateLeadRequest(lead=lead))


async def read_lead(sales: Harness, key: str) -> Lead:
    return await sales.stub(LeadsServiceStub, await sales.admin()).GetLead(leads.GetLeadRequest(id=key))


async def payloads(sales: Harness, key: str) -> list[LeadEvent]:
    columns = event_log.c
    wanted = select(columns.payload).where(columns.aggregate_id == uuid.UUID(key)).order_by(columns.number)
    async with sales.runtime.database.reading() as reader:
        return [LeadEvent.FromString(row[0]) for row in await reader.fetch(wanted)]


def person(*phones: str) -> pb.Person:
    return pb.Person(phones=phones, party_ids=[str(uuid.uuid4())])


@pytest.mark.parametrize("method", ["FindPersonalData", "ErasePersonalData"])
async def test_only_services_may_ask(sales, method):
    caller = sales.stub(PersonalDataServiceStub, await sales.admin())
    request = getattr(pb, f"{method}Request")(person=person(NUMBER))
    with pytest.raises(AppError, match="only services"):
        await getattr(caller, method)(request)


async def test_a_record_without_a_customer_is_found_by_the_number_however_it_is_written(sales, asking):
    lead = await make_lead(sales, "139-1111 2222")
    answer = await asking.FindPersonalData(pb.FindPersonalDataRequest(person=person("13911112222")))
    assert list(answer.person.record_ids) == [lead.id]


async def test_a_dry_run_counts_and_changes_nothing(sales, asking):
    lead = await make_lead(sales, "13922223333")
    request = pb.ErasePersonalDataRequest(
        erasure_id=str(uuid.uuid4()), person=person("13922223333"), validate_only=True
    )
    answer = await asking.ErasePersonalData(request)
    assert {one.table: one.deleted_count for one in answer.tables} == {"leads": 1}
    assert (await read_lead(sales, lead.id)).name == "Arthur Dent"
    assert (await payloads(sales, lead.id))[0].lead.name == "Arthur Dent"


class TestErasing:
    async def test_a_repeat_answers_the_same(self, sales, asking):
        await make_lead(sales, "13933334444")
        request = pb.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=person("13933334444"))
        first = await asking.ErasePersonalData(request)
        again = await asking.ErasePersonalData(request)
        assert first == again
        assert first.tables[0].deleted_count == 1
        assert first.message_count >= 1

    async def test_two_at_once_do_it_once(self, sales, asking):
        await make_lead(sales, "13944445555")
        request = pb.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=person("13944445555"))
        answers = await asyncio.gather(*(asking.ErasePersonalData(request) for _ in range(3)))
        assert [one.tables[0].deleted_count for one in answers] == [1, 1, 1]

    async def test_events_keep_what_names_nobody(self, sales, asking):
        lead = await make_lead(sales, "13955556666")
        before = await payloads(sales, lead.id)
        await asking.ErasePersonalData(
            pb.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=person("13955556666"))
        )
        after = await payloads(sales, lead.id)
        assert len(after) == len(before)
        assert after[0].lead.id == lead.id
        assert after[0].lead.create_time == before[0].lead.create_time
        assert (after[0].lead.name, after[0].lead.phone, after[0].lead.message) == ("", "", "")
        with pytest.raises(AppError, match="does not exist"):
            await read_lead(sales, lead.id)

    async def test_nobody_else_is_touched(self, sales, asking):
        other = await make_lead(sales, "13966667777")
        await asking.ErasePersonalData(
            pb.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=person("13900000000"))
        )
        assert (await read_lead(sales, other.id)).name == "Arthur Dent"

    async def test_what_came_in_meanwhile_goes_with_another_look(self, sales, asking):
        who = person("13977778888")
        request = pb.ErasePersonalDataRequest(erasure_id=str(uuid.uuid4()), person=who)
        await make_lead(sales, "13977778888")
        await asking.ErasePersonalData(request)
        late = await make_lead(sales, "13977778888")
        request.again = True
        answer = await asking.ErasePersonalData(request)
        assert answer.tables[0].deleted_count == 2
        with pytest.raises(AppError, match="does not exist"):
            await read_lead(sales, late.id)
