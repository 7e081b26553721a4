"""Exports through their RPCs: formats, rights, masks, and the way back in."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from datetime import timedelta

import pytest
import pytest_asyncio
from openpyxl import load_workbook
from sqlalchemy import delete

from taproot.customer.v1 import customer_pb2 as customer_pb
from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import export_pb2 as pb
from taproot.customer.v1 import export_service_pb2 as rpc
from taproot.customer.v1 import import_pb2, import_service_pb2
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.export_service_pb2_grpc import ExportsServiceStub
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_base.errors import Kind, Unavailable
from taproot_base.ids import new_id
from taproot_chassis import operations
from taproot_customer.customers.model import customer_keys
from taproot_customer.exports import queries
from taproot_customer.exports.running import ExportRunner

PHONE, EMAIL = customer_pb.IDENTIFIER_KIND_PHONE, customer_pb.IDENTIFIER_KIND_EMAIL
FORMATS = {name: pb.ExportFormat.Value(f"EXPORT_FORMAT_{name}") for name in ("CSV", "XLSX", "JSONL", "VCARD")}


@pytest.fixture
def exports(service, admin):
    return service.stub(ExportsServiceStub, admin)


async def export(stub, **values: object) -> pb.Export:
    request = rpc.CreateExportRequest(export=pb.Export(**values))
    key = (await stub.CreateExport(request)).id
    deadline = time.monotonic() + 60
    while (found := await stub.GetExport(rpc.GetExportRequest(id=key))).state == pb.EXPORT_STATE_RUNNING:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def content(stub, found: pb.Export) -> bytes:
    assert found.state == pb.EXPORT_STATE_SUCCEEDED, found
    parts = [
        await stub.DownloadExport(rpc.DownloadExportRequest(id=found.id, part=part))
        for part in range(found.part_count)
    ]
    whole = b"".join(part.data for part in parts)
    assert len(whole) == found.size_bytes
    return whole


async def take_in(stub, data: bytes, name: str) -> import_pb2.Import:
    made = import_pb2.Import(file_name=name, content=data)
    key = (await stub.CreateImport(import_service_pb2.CreateImportRequest(**{"import": made}))).id
    await stub.StartImport(import_service_pb2.StartImportRequest(id=key))
    deadline = time.monotonic() + 60
    while True:
        found = await stub.GetImport(import_service_pb2.GetImportRequest(id=key))
        if found.state != import_pb2.IMPORT_STATE_RUNNING:
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


def identifier(kind: int, value: str, label: str = "") -> customer_pb.Identifier:
    return customer_pb.Identifier(kind=kind, value=value, label=label)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stored(service, admin) -> list[customer_pb.Customer]:
    """Customers that say all a customer can, some of it awkward."""
    full = customer_pb.Customer(
        kind=customer_pb.CUSTOMER_KIND_PERSON, given_name="三", family_name="张", display_name="张三",
        status=customer_pb.CUSTOMER_STATUS_WON, value_class="A", industry="钢铁, 有色", region="华东", source="展会",
        tags=["round", "重点"], language_code="en-GB", time_zone="Asia/Shanghai", key_account=True,
        note='两行\n"引号", 逗号; 分号', identifiers=[
            identifier(PHONE, "13900001001", "mobile"), identifier(PHONE, "021-68881001"),
            identifier(PHONE, "021-68881002"), identifier(EMAIL, "zs@round.cn"), identifier(EMAIL, "zs@home.cn", "home"),
            identifier(customer_pb.IDENTIFIER_KIND_EXTERNAL, "erp:0001"),
        ],
        addresses=[
            customer_pb.Address(lines=["南京西路 1 号", "5 楼"], city="上海", postal_code="200040", country="CN"),
            customer_pb.Address(lines=["长安街 2 号"], city="北京", region="北京"),
        ],
    )  # fmt: skip
    full.birth_date.year, full.birth_date.month, full.birth_date.day = 1990, 1, 2
    full.custom.update({"trial_end": "2026-12-31", "seats": "12"})
    formula = customer_pb.Customer(
        kind=customer_pb.CUSTOMER_KIND_ORGANIZATION, display_name='=HYPERLINK("http://x","y")', tags=["round"],
        note="@SUM(1)", industry="-1+2", region="+cmd|' /C calc'!A0",
    )  # fmt: skip
    bare = customer_pb.Customer(
        kind=customer_pb.CUSTOMER_KIND_ORGANIZATION, display_name="'Quoted' AG", tags=["round"]
    )
    stub = service.stub(CustomersServiceStub, admin)
    return [
        await stub.CreateCustomer(customer_rpc.CreateCustomerRequest(customer=one))
        for one in (full, formula, bare)
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def elsewhere(start_service):
    return await start_service("customer")


class TestAccess:
    async def test_needs_a_caller_with_the_permission(self, service, failure):
        nobody, key = service.stub(ExportsServiceStub, None), str(new_id())
        for call in (
            nobody.CreateExport(rpc.CreateExportRequest(export=pb.Export())),
            nobody.GetExport(rpc.GetExportRequest(id=key)),
            nobody.ListExports(rpc.ListExportsRequest()),
            nobody.DeleteExport(rpc.DeleteExportRequest(id=key)),
            nobody.DownloadExport(rpc.DownloadExportRequest(id=key)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED
        reader = service.stub(ExportsServiceStub, await service.add_user({"customers.read": "all"}))
        request = rpc.CreateExportRequest(export=pb.Export())
        assert (await failure(reader.CreateExport(request))).kind is Kind.DENIED

    async def test_only_the_owner_fetches_the_file(self, service, exports, stored, failure):
        found = await export(exports, filter='tags : "round"')
        other = service.stub(ExportsServiceStub, await service.admin())
        assert (await other.GetExport(rpc.GetExportRequest(id=found.id))).row_count == len(stored)
        request = rpc.DownloadExportRequest(id=found.id)
        assert (await failure(other.DownloadExport(request))).kind is Kind.NOT_FOUND
        assert await content(exports, found)
        missing = rpc.DownloadExportRequest(id=found.id, part=1)
        assert (await failure(exports.DownloadExport(missing))).kind is Kind.NOT_FOUND
        await exports.DeleteExport(rpc.DeleteExportRequest(id=found.id))
        assert (await failure(exports.DownloadExport(request))).kind is Kind.NOT_FOUND

    async def test_holds_what_the_caller_sees(self, service, stored, make_customer):
        user = await service.add_user({"customers.*": "own", "exports.*": "own"}, "/hq/e/sh/")
        mine = await make_customer("自己的客户", by=user)
        stub = service.stub(ExportsServiceStub, user)
        rows = list(
            csv.DictReader(io.StringIO((await content(stub, await export(stub))).decode("utf-8-sig")))
        )
        assert [row["taproot_id"] for row in rows] == [mine.id]

    async def test_masked_fields_are_not_in_the_file(self, service, stored, failure):
        user = await service.add_user({"customers.*": "all", "exports.*": "own"}, masked=("contact", "note"))
        stub = service.stub(ExportsServiceStub, user)
        text = (await content(stub, await export(stub, filter='tags : "round"'))).decode("utf-8-sig")
        header = next(csv.reader(io.StringIO(text)))
        assert "display_name" in header
        assert not [name for name in header if name.startswith(("phone", "email", "note", "external"))]
        assert not {"address.lines", "address.postal_code"} & set(header)
        assert "13900001001" not in text
        hidden = await service.add_user({"customers.*": "all", "exports.*": "own"}, masked=("personal",))
        request = rpc.CreateExportRequest(export=pb.Export(filter='display_name = "张三"'))
        error = await failure(service.stub(ExportsServiceStub, hidden).CreateExport(request))
        assert error.kind is Kind.INVALID


class TestFile:
    async def test_refuses_what_the_list_would(self, exports, failure):
        for wrong in (
            pb.Export(filter="planet = 1"),
            pb.Export(order_by="planet"),
            pb.Export(columns=["planet"]),
        ):
            error = await failure(exports.CreateExport(rpc.CreateExportRequest(export=wrong)))
            assert error.kind is Kind.INVALID

    async def test_filter_order_and_columns(self, exports, stored):
        found = await export(
            exports, filter='tags : "round"', order_by="create_time", columns=["display_name", "email"]
        )
        rows = list(csv.reader(io.StringIO((await content(exports, found)).decode("utf-8-sig"))))
        assert rows[0] == ["display_name", "email", "email.home"]
        assert [row[0] for row in rows[1:]] == ["张三", '\'=HYPERLINK("http://x","y")', "'Quoted' AG"]

    async def test_pages_follow_each_other(self, exports, stored, make_customer, monkeypatch):
        monkeypatch.setattr(queries, "PAGE", 2)
        for number in range(5):
            await make_customer(f"页{number}", tags=["paged"])
        found = await export(exports, filter='tags : "paged"', order_by="create_time desc")
        rows = list(csv.DictReader(io.StringIO((await content(exports, found)).decode("utf-8-sig"))))
        assert [row["display_name"] for row in rows] == ["页4", "页3", "页2", "页1", "页0"]

    async def test_begins_anew_when_the_database_was_away(self, exports, stored, monkeypatch):
        monkeypatch.setattr(operations, "AGAIN", timedelta(0))
        collect, failures = ExportRunner._collect, [Unavailable("the database went away")]

        async def failing(self, *given):
            if failures:
                raise failures.pop()
            await collect(self, *given)

        monkeypatch.setattr(ExportRunner, "_collect", failing)
        found = await export(exports, filter='tags : "round"')
        assert (found.state, found.row_count, failures) == (pb.EXPORT_STATE_SUCCEEDED, 3, [])

    async def test_no_cell_is_a_formula(self, exports, stored):
        found = await export(exports, filter='tags : "round"')
        cells = [
            cell
            for row in csv.reader(io.StringIO((await content(exports, found)).decode("utf-8-sig")))
            for cell in row
        ]
        assert "'@SUM(1)" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
        found = await export(exports, filter='tags : "round"', file_format=FORMATS["XLSX"])
        sheet = load_workbook(io.BytesIO(await content(exports, found))).active
        assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}

    async def test_cards(self, exports, stored):
        found = await export(exports, filter='tags : "round"', file_format=FORMATS["VCARD"])
        text = (await content(exports, found)).decode()
        assert text.count("BEGIN:VCARD") == 3
        assert "TEL;TYPE=cell:13900001001\r\n" in text
        assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))

    async def test_an_empty_list_is_an_empty_file(self, exports):
        found = await export(exports, filter='display_name = "nobody at all"', file_format=FORMATS["JSONL"])
        assert (found.row_count, await content(exports, found)) == (0, b"")


class TestRoundTrip:
    @pytest.mark.parametrize("form", ["CSV", "XLSX", "JSONL"])
    async def test_taken_in_again_nothing_changes(self, service, admin, exports, stored, form: str):
        found = await export(exports, filter='tags : "round"', file_format=FORMATS[form])
        done = await take_in(
            service.stub(ImportsServiceStub, admin), await content(exports, found), f"x.{form}"
        )
        counts = done.counts
        assert (counts.read_count, counts.skipped_count) == (len(stored), len(stored)), done

    @pytest.mark.parametrize("form", ["CSV", "XLSX", "JSONL"])
    async def test_another_system_gets_the_same_records(self, exports, stored, elsewhere, form: str):
        found = await export(exports, filter='tags : "round"', file_format=FORMATS[form])
        boss = await elsewhere.admin()
        done = await take_in(
            elsewhere.stub(ImportsServiceStub, boss), await content(exports, found), f"x.{form}"
        )
        assert done.counts.created_count == len(stored), done
        customers = elsewhere.stub(CustomersServiceStub, boss)
        listed = (await customers.ListCustomers(customer_rpc.ListCustomersRequest())).customers
        for one, meant in zip(sorted(map(_said, listed)), sorted(map(_said, stored)), strict=True):
            assert one.splitlines() == meant.splitlines()
        for one in listed:
            await customers.DeleteCustomer(customer_rpc.DeleteCustomerRequest(id=one.id))
        with elsewhere.system_call():
            async with elsewhere.runtime.database.unit() as work:
                await work.execute(delete(customer_keys))


def _said(customer: customer_pb.Customer) -> str:
    """All a customer says of itself; not its key, place, version and times, nor which number stands first."""
    copy = customer_pb.Customer()
    copy.CopyFrom(customer)
    for name in (
        "id",
        "owner_id",
        "branch_id",
        "create_time",
        "update_time",
        "etag",
        "identifiers",
        "custom",
    ):
        copy.ClearField(name)
    identifiers = sorted((one.kind, one.value, one.label) for one in customer.identifiers)
    custom = json.dumps(dict(customer.custom.items()), sort_keys=True)
    return f"{copy}{identifiers} {custom}"
