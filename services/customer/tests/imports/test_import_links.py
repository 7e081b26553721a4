"""Rows about organisations that stand above each other, and rows that share a number but not a key."""

from __future__ import annotations

import asyncio
import time

import pytest

from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub

MOVING = (pb.IMPORT_STATE_RUNNING, pb.IMPORT_STATE_UNDOING, pb.IMPORT_STATE_VALIDATING)


@pytest.fixture
def imports(service, admin):
    return service.stub(ImportsServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


async def settled(imports, key: str) -> pb.Import:
    deadline = time.monotonic() + 60
    while (found := await imports.GetImport(rpc.GetImportRequest(id=key))).state in MOVING:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def load(imports, name: str, text: str, *, dry: bool = False) -> tuple[pb.Import, tuple[int, ...]]:
    found = pb.Import(file_name=name, content=text.encode())
    made = await imports.CreateImport(rpc.CreateImportRequest(**{"import": found}))
    if dry:
        await imports.ValidateImport(rpc.ValidateImportRequest(id=made.id))
    else:
        await imports.StartImport(rpc.StartImportRequest(id=made.id))
    done = await settled(imports, made.id)
    c = done.counts
    return done, (c.read_count, c.created_count, c.updated_count, c.skipped_count, c.rejected_count)


async def by_name(customers) -> dict[str, object]:
    answer = await customers.ListCustomers(customer_rpc.ListCustomersRequest(page_size=1000))
    return {one.display_name: one for one in answer.customers}


ACCOUNTS = (
    "Account ID,Account Name,Parent Account ID,Phone\r\n"
    "0010A,Northern Pipes,0010C,\r\n"
    "0010B,Southern Pipes,9999Z,\r\n"
    "0010C,Pipes Holding,,\r\n"
    "0010D,Ring,0010D,\r\n"
)


class TestParents:
    async def test_by_key_wherever_the_parent_stands(self, imports, customers):
        done, counts = await load(imports, "pipes.csv", ACCOUNTS)
        assert [column.field for column in done.columns] == [
            "external", "display_name", "parent.external", "phone",
        ]  # fmt: skip
        assert counts == (4, 4, 0, 0, 0)
        found = await by_name(customers)
        assert found["Northern Pipes"].parent_id == found["Pipes Holding"].id
        assert not found["Southern Pipes"].parent_id
        rows = (await imports.ListImportRows(rpc.ListImportRowsRequest(import_id=done.id))).import_rows
        assert {row.line: row.reasons[0] for row in rows} == {
            3: "parent pipes:9999Z: no such customer",
            5: "parent pipes:0010D: stands below this customer",
        }
        again, counts = await load(imports, "pipes.csv", ACCOUNTS)
        assert counts == (4, 0, 0, 4, 0)
        assert again.state == pb.IMPORT_STATE_SUCCEEDED

    async def test_by_name_and_undone(self, imports, customers):
        text = "Company Name,Subsidiary of\r\nEast Kiln,Kiln Group\r\nKiln Group,\r\nWest Kiln,Kiln Group\r\n"
        done, counts = await load(imports, "kilns.csv", text)
        assert counts == (3, 3, 0, 0, 0)
        found = await by_name(customers)
        assert {found[n].parent_id for n in ("East Kiln", "West Kiln")} == {found["Kiln Group"].id}
        await imports.UndoImport(rpc.UndoImportRequest(id=done.id))
        undone = await settled(imports, done.id)
        assert (undone.undone_count, undone.kept_count) == (3, 0)


class TestSharedNumbers:
    """Six shops with the number of their headquarters are six customers when their own system says so."""

    TEXT = (
        "Customer ID,Company Name,Phone\r\n"
        "K1,Kiosk North,+86 21 5555 0100\r\nK2,Kiosk South,+86 21 5555 0100\r\nK3,Kiosk East,+86 21 5555 0100\r\n"
    )

    @pytest.mark.parametrize("dry", [True, False])
    async def test_keys_of_the_file_decide(self, imports, dry: bool):
        _, counts = await load(imports, "kiosks.csv", self.TEXT, dry=dry)
        assert counts == (3, 3, 0, 0, 0)

    async def test_and_decide_again(self, imports):
        await load(imports, "stalls.csv", self.TEXT.replace("Kiosk", "Stall").replace("5555", "5556"))
        changed = self.TEXT.replace("Kiosk", "Booth").replace("5555", "5556")
        assert (await load(imports, "stalls.csv", changed))[1] == (3, 0, 3, 0, 0)

    async def test_keys_of_another_system_do_not_part(self, imports):
        await load(imports, "old.csv", "Customer ID,Company Name,Phone\r\nA,Tent Ltd,+86 21 5557 0100\r\n")
        text = "Customer ID,Company Name,Phone\r\nB,Tent Limited,+86 21 5557 0100\r\n"
        assert (await load(imports, "new.csv", text))[1] == (1, 0, 1, 0, 0)
