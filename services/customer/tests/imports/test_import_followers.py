"""What follows an import: its events come in masses and are taken together, with the effect of each alone."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import select

from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_customer.customers.model import Customer
from taproot_customer.matching.blocking import blocking_keys
from taproot_customer.matching.traits import Traits
from taproot_customer.merging.model import customer_blocks, customer_traits
from taproot_customer.timeline.model import timeline
from taproot_storage.visibility import unscoped

ROWS = 120


async def read(service, table, *where) -> list:
    async with service.runtime.database.reading() as reader:
        return await reader.fetch(select(table).where(*where))


async def imported(service, admin, text: str) -> None:
    stub = service.stub(ImportsServiceStub, admin)
    found = pb.Import(file_name="m.csv", content=text.encode())
    made = await stub.CreateImport(rpc.CreateImportRequest(**{"import": found}))
    await stub.StartImport(rpc.StartImportRequest(id=made.id))
    await until(lambda: ended(stub, made.id))


async def ended(stub, key: str) -> bool:
    found = await stub.GetImport(rpc.GetImportRequest(id=key))
    return bool(found.state == pb.IMPORT_STATE_SUCCEEDED)


async def until(condition, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_every_customer_can_be_matched_and_has_its_line(service, admin):
    people = [f"王小{i},1381{i:07d},w{i}@example.com,苏州市" for i in range(ROWS)]
    changed = [f"王大{i},1381{i:07d},w{i}@example.com,南京市" for i in range(10)]
    await imported(service, admin, "\n".join(["姓名,手机,邮箱,城市", *people, *changed]))

    async def all_told() -> bool:
        told = await read(service, timeline, unscoped(timeline, "whatever there is"))
        kinds = [row["event_type"] for row in told]
        return (kinds.count("customer.created"), kinds.count("customer.updated")) == (ROWS, 10)

    async def all_known() -> bool:
        stored = await read(service, customer_traits)
        return len(stored) == ROWS and sum(row["version"] == 2 for row in stored) == 10

    await until(all_told)
    await until(all_known)
    customers = await read(service, Customer.__table__, unscoped(Customer, "whatever there is"))
    versions = {row["id"]: row["version"] for row in customers}
    traits = await read(service, customer_traits)
    assert {row["customer_id"]: row["version"] for row in traits} == versions
    meant = {
        (key, row["customer_id"]) for row in traits for key in blocking_keys(Traits.unpack(row["traits"]))
    }
    assert {(row["key"], row["customer_id"]) for row in await read(service, customer_blocks)} == meant
