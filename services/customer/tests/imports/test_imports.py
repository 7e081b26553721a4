"""Imports through their RPCs, on real PostgreSQL: mapping, dry run, run, rejects."""

from __future__ import annotations

import asyncio
import csv
import io
import time

import pytest
from openpyxl import Workbook
from sqlalchemy import select, update

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import customer_service_pb2
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.customer_pb2 import IDENTIFIER_KIND_PHONE, Identifier
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_storage.schema import operations
from taproot_testkit import branch_id

HEADER = "客户名称,手机,邮箱,状态,省份\r\n"
ENDED = (
    pb.IMPORT_STATE_VALIDATED,
    pb.IMPORT_STATE_SUCCEEDED,
    pb.IMPORT_STATE_FAILED,
    pb.IMPORT_STATE_CANCELLED,
)


@pytest.fixture
def imports(service, admin):
    return service.stub(ImportsServiceStub, admin)


def upload(
    text: str, encoding: str = "utf-8", name: str = "kunden.csv", **values: object
) -> rpc.CreateImportRequest:
    found = pb.Import(file_name=name, content=text.encode(encoding), **values)
    return rpc.CreateImportRequest(**{"import": found})


async def ended(stub, key: str, seconds: float = 60) -> pb.Import:
    deadline = time.monotonic() + seconds
    while True:
        found = await stub.GetImport(rpc.GetImportRequest(id=key))
        counts = found.counts
        assert counts.read_count == (
            counts.created_count + counts.updated_count + counts.skipped_count + counts.rejected_count
        )
        if found.state in ENDED:
            return found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def run(stub, key: str) -> tuple[int, int, int, int, int]:
    await stub.StartImport(rpc.StartImportRequest(id=key))
    return counts_of(await ended(stub, key))


def counts_of(found: pb.Import) -> tuple[int, int, int, int, int]:
    c = found.counts
    return c.read_count, c.created_count, c.updated_count, c.skipped_count, c.rejected_count


def rows(prefix: str, count: int) -> str:
    return "".join(
        f"{prefix}客户{i}有限公司,139{abs(hash(prefix)) % 1000:03}{i:05},,意向,江苏\r\n" for i in range(count)
    )


class TestAccess:
    async def test_needs_a_caller_with_the_permission(self, service, failure):
        nobody, key = service.stub(ImportsServiceStub, None), str(new_id())
        for call in (
            nobody.CreateImport(upload(HEADER)),
            nobody.GetImport(rpc.GetImportRequest(id=key)),
            nobody.ListImports(rpc.ListImportsRequest()),
            nobody.UpdateImport(rpc.UpdateImportRequest(**{"import": pb.Import(id=key)})),
            nobody.DeleteImport(rpc.DeleteImportRequest(id=key)),
            nobody.ValidateImport(rpc.ValidateImportRequest(id=key)),
            nobody.StartImport(rpc.StartImportRequest(id=key)),
            nobody.CancelImport(rpc.CancelImportRequest(id=key)),
            nobody.ListImportRows(rpc.ListImportRowsRequest(import_id=key)),
            nobody.DownloadImportRejects(rpc.DownloadImportRejectsRequest(id=key)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_a_run_needs_the_right_to_create(self, service, failure):
        user = await service.add_user({"imports.*": "own", "customers.read": "own"})
        stub = service.stub(ImportsServiceStub, user)
        made = await stub.CreateImport(upload(HEADER + rows("r", 1)))
        assert (await failure(stub.StartImport(rpc.StartImportRequest(id=made.id)))).kind is Kind.DENIED
        stranger = service.stub(ImportsServiceStub, await service.add_user({"imports.*": "own"}))
        assert (await failure(stranger.GetImport(rpc.GetImportRequest(id=made.id)))).kind is Kind.NOT_FOUND


class TestCreateImport:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    async def test_says_how_the_file_is_written(self, imports, encoding: str):
        made = await imports.CreateImport(
            upload(HEADER.replace(",", ";") + "张三;13800138000;;;\r\n", encoding)
        )
        assert made.dialect.delimiter == ";"
        assert made.dialect.has_header
        assert [c.suggested_field for c in made.columns] == [
            "display_name", "phone.mobile", "email", "status", "address.region",
        ]  # fmt: skip
        assert [c.field for c in made.columns] == [c.suggested_field for c in made.columns]
        assert made.columns[0].samples == ["张三"]
        assert not made.content

    async def test_takes_a_workbook(self, imports):
        book = Workbook()
        book.active.append(["客户名称", "手机"])
        book.active.append(["表格公司", 13911112222])
        buffer = io.BytesIO()
        book.save(buffer)
        found = pb.Import(file_name="kunden.xlsx", content=buffer.getvalue())
        made = await imports.CreateImport(rpc.CreateImportRequest(**{"import": found}))
        assert [c.field for c in made.columns] == ["display_name", "phone.mobile"]
        assert await run(imports, made.id) == (1, 1, 0, 0, 0)

    async def test_takes_an_upload_of_ones_own(self, service, admin, imports, failure):
        await service.runtime.blobs.put(f"uploads/{admin.subject}/a.csv", (HEADER + rows("up", 2)).encode())
        found = pb.Import(file_name="a.csv", upload_ref="a.csv")
        made = await imports.CreateImport(rpc.CreateImportRequest(**{"import": found}))
        assert await run(imports, made.id) == (2, 2, 0, 0, 0)
        await service.runtime.blobs.put("uploads/other/a.csv", b"name\nsecret\n")
        for wrong in ("b.csv", "../other/a.csv", ".."):
            found.upload_ref = wrong
            error = await failure(imports.CreateImport(rpc.CreateImportRequest(**{"import": found})))
            assert [v.field for v in error.violations] == ["import.upload_ref"]

    async def test_refuses_what_is_no_table(self, imports, failure):
        workbook = rpc.CreateImportRequest(**{"import": pb.Import(content=b"PK\x03\x04")})
        assert (await failure(imports.CreateImport(workbook))).reason == "NO_TEXT_TABLE"
        assert (await failure(imports.CreateImport(upload("")))).kind is Kind.INVALID
        bad = upload(HEADER + rows("x", 1), columns=[pb.ImportColumn(index=0, field="planet")])
        error = await failure(imports.CreateImport(bad))
        assert [v.field for v in error.violations] == ["import.columns[0].field"]

    async def test_mapping_can_be_changed(self, imports, failure):
        made = await imports.CreateImport(upload("a;b\r\n1;2\r\n"))
        error = await failure(imports.StartImport(rpc.StartImportRequest(id=made.id)))
        assert [v.field for v in error.violations] == ["import.columns"]
        columns = [
            pb.ImportColumn(index=0, field="display_name"),
            pb.ImportColumn(index=1, field="custom.rank"),
        ]
        changed = await imports.UpdateImport(
            rpc.UpdateImportRequest(**{"import": pb.Import(id=made.id, columns=columns)})
        )
        assert [c.field for c in changed.columns] == ["display_name", "custom.rank"]
        assert await run(imports, made.id) == (1, 1, 0, 0, 0)


class TestRun:
    async def test_creates_updates_skips_rejects(self, service, admin, imports, make_customer):
        phone = [Identifier(kind=IDENTIFIER_KIND_PHONE, value="13711110001")]
        stored = await make_customer("老客户", identifiers=phone, industry="钢铁")
        text = (
            HEADER
            + "老客户改名,137 1111 0001,new@x.cn,成交,江苏\r\n"
            + "新客户,13711110002,,意向,\r\n"
            + "新客户,13711110002,,意向,\r\n"
            + "新客户,13711110002,again@x.cn,,\r\n"
            + "坏行,12,not-an-address,火星,\r\n"
            + ",,,,\r\n"
        )
        fields = ("display_name", "phone.mobile", "email", "status", "address.region")
        columns = [pb.ImportColumn(index=n, field=field) for n, field in enumerate(fields)]
        options = pb.ImportOptions(tags=["导入"])
        made = await imports.CreateImport(upload(text, "gb18030", options=options, columns=columns))
        await imports.ValidateImport(rpc.ValidateImportRequest(id=made.id))
        tried = await ended(imports, made.id)
        assert counts_of(tried) == (6, 1, 3, 1, 1) or counts_of(tried) == (6, 1, 2, 2, 1)
        backwards = rpc.ListImportRowsRequest(import_id=made.id, order_by="line desc", page_size=2)
        assert [row.line for row in (await imports.ListImportRows(backwards)).import_rows] == [7, 6]
        preview = (await imports.ListImportRows(rpc.ListImportRowsRequest(import_id=made.id))).import_rows
        assert [row.line for row in preview] == [2, 3, 4, 5, 6, 7]
        assert preview[0].customer_id == stored.id
        customers = service.stub(CustomersServiceStub, admin)
        everybody = customer_service_pb2.ListCustomersRequest(filter='tags : "导入"')
        assert not (await customers.ListCustomers(everybody)).customers

        assert await run(imports, made.id) == (6, 1, 2, 2, 1)
        found = {c.display_name: c for c in (await customers.ListCustomers(everybody)).customers}
        assert set(found) == {"老客户改名", "新客户"}
        assert found["老客户改名"].id == stored.id
        assert found["老客户改名"].industry == "钢铁"
        assert [i.value for i in found["老客户改名"].identifiers] == ["13711110001", "new@x.cn"]
        assert [i.value for i in found["新客户"].identifiers] == ["13711110002", "again@x.cn"]
        events = [
            e for e in await service.events(2, of="customer.*") if str(e.aggregate_id) == found["新客户"].id
        ]
        assert [(e.type, e.version, e.decode(CustomerEvent).customer.etag) for e in events] == [
            ("customer.created", 1, "1"),
            ("customer.updated", 2, "2"),
        ]

        (bad,) = (
            await imports.ListImportRows(
                rpc.ListImportRowsRequest(import_id=made.id, filter="result = REJECTED")
            )
        ).import_rows
        assert (bad.line, len(bad.reasons)) == (6, 3)
        body = await imports.DownloadImportRejects(rpc.DownloadImportRejectsRequest(id=made.id))
        (header, row) = list(csv.reader(io.StringIO(body.data.decode("utf-8-sig"))))
        assert header == ["客户名称", "手机", "邮箱", "状态", "省份", "taproot_line", "taproot_reasons"]
        assert row[:4] == ["坏行", "12", "not-an-address", "火星"]
        assert "not an e-mail address" in row[-1]
        masked = await service.add_user({"imports.read": "all"}, masked=("contact",))
        bare = await service.stub(ImportsServiceStub, masked).DownloadImportRejects(
            rpc.DownloadImportRejectsRequest(id=made.id)
        )
        assert "taproot_reasons" in bare.data.decode()
        assert "坏行" not in bare.data.decode()

    @pytest.mark.parametrize(("policy", "counts"), [("SKIP", (1, 0, 0, 1, 0)), ("REJECT", (1, 0, 0, 0, 1))])
    async def test_policy(self, imports, make_customer, policy: str, counts):
        number = f"1361111{len(policy):04}"
        await make_customer("甲", identifiers=[Identifier(kind=IDENTIFIER_KIND_PHONE, value=number)])
        options = pb.ImportOptions(match_policy=pb.ImportMatchPolicy.Value(f"IMPORT_MATCH_POLICY_{policy}"))
        made = await imports.CreateImport(upload(f"{HEADER}乙,{number},,,\r\n", options=options))
        assert await run(imports, made.id) == counts

    async def test_what_the_importer_may_not_see_is_not_touched(self, service, make_customer):
        hidden = await make_customer(
            "外地客户", identifiers=[Identifier(kind=IDENTIFIER_KIND_PHONE, value="13511110001")],
            by=await service.add_user({"customers.*": "own"}, "/hq/w/"),
        )  # fmt: skip
        user = await service.add_user({"imports.*": "own", "customers.*": "branch"}, "/hq/e/sh/")
        stub = service.stub(ImportsServiceStub, user)
        made = await stub.CreateImport(upload(f"{HEADER}抢客户,13511110001,,,\r\n本地,13511110009,,,\r\n"))
        assert await run(stub, made.id) == (2, 1, 0, 0, 1)
        (row,) = (await stub.ListImportRows(rpc.ListImportRowsRequest(import_id=made.id))).import_rows
        assert row.reasons == ["an identifier belongs to a customer of another branch"]
        assert hidden.id not in str(row)
        mine = service.stub(CustomersServiceStub, user)
        (local,) = (await mine.ListCustomers(customer_service_pb2.ListCustomersRequest())).customers
        assert (local.owner_id, local.branch_id) == (user.subject, branch_id("/hq/e/sh/"))

    async def test_the_same_file_twice_makes_nothing_twice(self, imports):
        text = HEADER + rows("twice", 1200)
        first = await imports.CreateImport(upload(text))
        assert await run(imports, first.id) == (1200, 1200, 0, 0, 0)
        second = await imports.CreateImport(upload(text))
        assert await run(imports, second.id) == (1200, 0, 0, 1200, 0)

    async def test_two_imports_at_once_do_not_double(self, imports):
        text = HEADER + rows("both", 700)
        made = [await imports.CreateImport(upload(text)) for _ in range(2)]
        for each in made:
            await imports.StartImport(rpc.StartImportRequest(id=each.id))
        counts = [counts_of(await ended(imports, each.id)) for each in made]
        assert sum(c[1] for c in counts) == 700

    async def test_cancel_and_states(self, imports, failure):
        made = await imports.CreateImport(upload(HEADER + rows("cancel", 20_000)))
        idle = await failure(imports.CancelImport(rpc.CancelImportRequest(id=made.id)))
        assert idle.kind is Kind.STATE
        operation = await imports.StartImport(rpc.StartImportRequest(id=made.id, request_id="once"))
        again = await imports.StartImport(rpc.StartImportRequest(id=made.id, request_id="once"))
        assert again.name == operation.name
        assert (await failure(imports.StartImport(rpc.StartImportRequest(id=made.id)))).kind is Kind.STATE
        await imports.CancelImport(rpc.CancelImportRequest(id=made.id))
        found = await ended(imports, made.id)
        assert found.state == pb.IMPORT_STATE_CANCELLED
        assert found.counts.read_count < 20_000
        await imports.DeleteImport(rpc.DeleteImportRequest(id=made.id))
        assert (await failure(imports.GetImport(rpc.GetImportRequest(id=made.id)))).kind is Kind.NOT_FOUND

    async def test_a_run_that_ended_is_not_run_again(self, service, imports):
        """As when a worker dies between the last row and the end of its operation."""
        made = await imports.CreateImport(upload(HEADER + rows("ended", 3)))
        assert await run(imports, made.id) == (3, 3, 0, 0, 0)
        before = await imports.GetImport(rpc.GetImportRequest(id=made.id))
        again = update(operations).where(operations.c.resource_id == made.id)
        state = select(operations.c.state).where(operations.c.resource_id == made.id)
        with service.system_call():
            async with service.runtime.database.unit() as work:
                await work.execute(again.values(state="running", leased_until=None))
            deadline = time.monotonic() + 60
            while True:
                async with service.runtime.database.reading() as reader:
                    if await reader.fetch_value(state) == "done":
                        break
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        assert await imports.GetImport(rpc.GetImportRequest(id=made.id)) == before
