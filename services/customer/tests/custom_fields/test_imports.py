"""Values of custom fields come in with files, by the rules of their definitions, and go out the same way."""

from __future__ import annotations

import asyncio

import pytest

from taproot.customer.v1 import custom_field_pb2 as fields_pb
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.custom_field_service_pb2 import CreateCustomFieldRequest
from taproot.customer.v1.customer_service_pb2 import ListCustomersRequest
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub

FILE = """name,phone,trial,tier,seats,vip
海一,+8653288880001,2026-03-01,金卡,12,是
海二,+8653288880002,someday,银卡,x,否
海三,+8653288880003,2026-04-01,silver,3,no
"""


@pytest.fixture
async def defined(define, fields):
    await define("trial_end", "date", filterable=True)
    await define("seats", "integer", filterable=True, required=True)
    await define("vip", "boolean")
    await define("origin", "text", default_value="file", searchable=True)
    labels = {"gold": "金卡", "silver": "银卡"}
    options = [fields_pb.CustomFieldOption(key=key, labels={"zh-CN": text}) for key, text in labels.items()]
    tier = fields_pb.CustomField(
        resource_type="customer", key="tier", type=fields_pb.CUSTOM_FIELD_TYPE_ENUM, options=options
    )
    await fields.CreateCustomField(CreateCustomFieldRequest(custom_field=tier))


async def run(stub, text: str, *targets: str) -> pb.Import:
    columns = [pb.ImportColumn(index=n, field=field) for n, field in enumerate(targets)]
    request = {"import": pb.Import(file_name="sea.csv", content=text.encode(), columns=columns)}
    made = await stub.CreateImport(rpc.CreateImportRequest(**request))
    await stub.StartImport(rpc.StartImportRequest(id=made.id))
    for _ in range(600):
        found = await stub.GetImport(rpc.GetImportRequest(id=made.id))
        if found.state in (pb.IMPORT_STATE_SUCCEEDED, pb.IMPORT_STATE_FAILED):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("the import does not end")


@pytest.mark.usefixtures("defined")
async def test_rows_are_read_by_their_definitions(service, admin, customers, names):
    stub = service.stub(ImportsServiceStub, admin)
    targets = ("display_name", "phone", "custom.trial_end", "custom.tier", "custom.seats", "custom.vip")
    done = await run(stub, FILE, *targets)
    assert (done.counts.created_count, done.counts.rejected_count) == (2, 1)
    page = await customers.ListCustomers(
        ListCustomersRequest(
            filter="custom.seats >= 3 custom.trial_end < 2027-01-01", order_by="custom.seats desc"
        )
    )
    assert [dict(one.custom) for one in page.customers] == [
        {"trial_end": "2026-03-01", "tier": "gold", "seats": "12", "vip": True, "origin": "file"},
        {"trial_end": "2026-04-01", "tier": "silver", "seats": "3", "vip": False, "origin": "file"},
    ]
    assert await names("search:file", "display_name") == ["海三", "海一"]
    short = await run(stub, "name,phone\n海四,+8653288880004\n", "display_name", "phone")
    assert (short.counts.created_count, short.counts.rejected_count) == (0, 1)
