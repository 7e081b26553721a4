"""Undoing many rows: the state before comes back, each customer has its event, users' later work stays."""

from __future__ import annotations

import asyncio
import time

import pytest
from sqlalchemy import select

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_pb2 as customer_pb
from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import import_change_pb2 as change_pb
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_customer.care_dates.model import ENDED, CareDate
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_storage.schema import event_log
from taproot_storage.visibility import unscoped

ROWS, KNOWN = 620, 40
MOVING = (pb.IMPORT_STATE_RUNNING, pb.IMPORT_STATE_UNDOING)
HEADER = "姓名,手机,邮箱,城市,出生日期,标签,备注"


@pytest.fixture
def imports(service, admin):
    return service.stub(ImportsServiceStub, admin)


def row(number: int) -> str:
    return f"陈小{number},137{number:08d},c{number}@example.com,苏州市,1990-02-0{number % 9 + 1},展会,第{number}次"


async def settled(imports, key: str) -> pb.Import:
    deadline = time.monotonic() + 90
    while (found := await imports.GetImport(rpc.GetImportRequest(id=key))).state in MOVING:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def imported(imports, rows: list[str]) -> pb.Import:
    file = pb.Import(file_name="b.csv", content="\n".join([HEADER, *rows]).encode())
    made = await imports.CreateImport(rpc.CreateImportRequest(**{"import": file}))
    await imports.StartImport(rpc.StartImportRequest(id=made.id))
    return await settled(imports, made.id)


async def undone(imports, key: str) -> pb.Import:
    await imports.UndoImport(rpc.UndoImportRequest(id=key))
    return await settled(imports, key)


async def logged(service, event_type: str) -> dict[str, CustomerEvent]:
    async with service.runtime.database.reading() as reader:
        rows = await reader.fetch(
            select(event_log).where(event_log.c.type == event_type).order_by(event_log.c.number)
        )
    return {str(row["aggregate_id"]): CustomerEvent.FromString(row["payload"]) for row in rows}


@pytest.fixture
async def known(make_customer) -> list[customer_pb.Customer]:
    """Whom the first rows of the file change; some of their fields are set, some are not."""
    made = []
    for number in range(KNOWN):
        phone = customer_pb.Identifier(kind=customer_pb.IDENTIFIER_KIND_PHONE, value=f"137{number:08d}")
        values = {"note": f"旧{number}"} if number % 2 else {"tags": ["老客户"], "industry": "钢铁"}
        person = customer_pb.CUSTOMER_KIND_PERSON
        made.append(await make_customer(f"陈{number}", kind=person, identifiers=[phone], **values))
    return made


async def test_the_state_before_is_back_and_nobody_is_left_out(service, admin, imports, known, content_hash):
    before, earlier = await content_hash(service), await logged(service, "customer.deleted")
    made = await imported(imports, [row(number) for number in range(ROWS)])
    assert (made.counts.created_count, made.counts.updated_count) == (ROWS - KNOWN, KNOWN)
    assert await content_hash(service) != before

    done = await undone(imports, made.id)
    assert (done.state, done.undone_count, done.kept_count) == (pb.IMPORT_STATE_UNDONE, ROWS, 0)
    assert await content_hash(service) == before
    gone = await logged(service, "customer.deleted")
    deleted = {key: event for key, event in gone.items() if key not in earlier}
    assert len(deleted) == ROWS - KNOWN
    for key, event in deleted.items():
        told = event.customer
        assert (told.id, told.etag, told.HasField("delete_time")) == (key, "2", True)
        assert told.display_name.startswith("陈小")
        assert all((told.identifiers, told.addresses, told.birth_date.year))
    updated = await logged(service, "customer.updated")
    assert {updated[one.id].customer.etag for one in known} == {"3"}
    customers = service.stub(CustomersServiceStub, admin)
    for one in known[:2]:
        back = await customers.GetCustomer(customer_rpc.GetCustomerRequest(id=one.id))
        told = updated[one.id].customer
        assert (told.display_name, list(told.tags), told.note) == (one.display_name, list(one.tags), one.note)
        assert (back.etag, back.update_time) == (told.etag, told.update_time)

    here = {one.id for one in known}

    async def followed() -> bool:
        """Nobody gone is found as a duplicate or congratulated; each had a birthday, as did those given one."""
        async with service.runtime.database.reading() as reader:
            traits = {str(row[0]) for row in await reader.fetch(select(customer_traits.c.customer_id))}
            blocks = {str(row[0]) for row in await reader.fetch(select(customer_blocks.c.customer_id))}
            dates = await reader.fetch(
                select(CareDate.customer_id, CareDate.state).where(unscoped(CareDate, "all there are"))
            )
        states = {str(row[0]): row[1] for row in dates}
        ended = all(states.get(key) == ENDED for key in (*deleted, *here))
        return ended and here <= traits and here <= blocks and not deleted.keys() & (traits | blocks)

    deadline = time.monotonic() + 90
    while not await followed():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_later_edits_are_kept_and_told(service, admin, imports, content_hash):
    made = await imported(imports, [row(number) for number in range(1000, 1120)])
    again = await imported(imports, [row(number).replace("苏州", "南京") for number in range(1000, 1120)])
    assert (made.counts.created_count, again.counts.updated_count) == (120, 120)
    before = await content_hash(service)
    customers = service.stub(CustomersServiceStub, admin)
    request = rpc.ListImportChangesRequest(import_id=again.id, page_size=5)
    edited = [c.customer_id for c in (await imports.ListImportChanges(request)).import_changes]
    for key in edited:
        patch = customer_pb.Customer(id=key, addresses=[customer_pb.Address(city="上海市")], note="改过")
        await customers.UpdateCustomer(customer_rpc.UpdateCustomerRequest(customer=patch))

    first = await undone(imports, again.id)
    assert (first.undone_count, first.kept_count) == (115, 5)
    assert await content_hash(service) != before
    request = rpc.ListImportChangesRequest(import_id=again.id, filter="undo_result = KEPT")
    kept = list((await imports.ListImportChanges(request)).import_changes)
    assert {c.customer_id: list(c.kept_fields) for c in kept} == {key: ["addresses"] for key in edited}
    for key in edited:
        found = await customers.GetCustomer(customer_rpc.GetCustomerRequest(id=key))
        assert ([a.city for a in found.addresses], found.note) == (["上海市"], "改过")

    # Changed since they were made, if only by the file that came after: they are somebody's by now.
    second = await undone(imports, made.id)
    assert (second.undone_count, second.kept_count) == (0, 120)
    request = rpc.ListImportChangesRequest(import_id=made.id, page_size=1)
    (one,) = (await imports.ListImportChanges(request)).import_changes
    assert one.undo_result == change_pb.IMPORT_UNDO_RESULT_KEPT


async def test_a_cancelled_undo_goes_on_where_it_stopped(imports):
    made = await imported(imports, [row(number) for number in range(2000, 3300)])
    await imports.UndoImport(rpc.UndoImportRequest(id=made.id))
    await imports.CancelImport(rpc.CancelImportRequest(id=made.id))
    stopped = await settled(imports, made.id)
    assert (stopped.state, stopped.undone_count < 1300) == (pb.IMPORT_STATE_CANCELLED, True)
    done = await undone(imports, made.id)
    assert (done.state, done.undone_count, done.kept_count) == (pb.IMPORT_STATE_UNDONE, 1300, 0)
