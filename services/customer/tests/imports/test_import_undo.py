"""Taking back what an import did; mappings used again; spellings of a file."""

from __future__ import annotations

import asyncio
import time

import pytest

from taproot.customer.v1 import activity_pb2, activity_service_pb2
from taproot.customer.v1 import customer_pb2 as customer_pb
from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import import_change_pb2 as change_pb
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_base.errors import Kind

HEADER = "客户名称,手机,邮箱,行业\r\n"
MOVING = (pb.IMPORT_STATE_RUNNING, pb.IMPORT_STATE_UNDOING, pb.IMPORT_STATE_VALIDATING)


@pytest.fixture
def imports(service, admin):
    return service.stub(ImportsServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


async def create(imports, text: str, **values: object) -> pb.Import:
    found = pb.Import(file_name="kunden.csv", content=text.encode(), **values)
    return await imports.CreateImport(rpc.CreateImportRequest(**{"import": found}))


async def settled(imports, key: str) -> pb.Import:
    deadline = time.monotonic() + 60
    while (found := await imports.GetImport(rpc.GetImportRequest(id=key))).state in MOVING:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def run(imports, key: str) -> pb.Import:
    await imports.StartImport(rpc.StartImportRequest(id=key))
    return await settled(imports, key)


async def undo(imports, key: str) -> pb.Import:
    await imports.UndoImport(rpc.UndoImportRequest(id=key))
    return await settled(imports, key)


async def changes(imports, key: str, where: str = "") -> list[change_pb.ImportChange]:
    request = rpc.ListImportChangesRequest(import_id=key, filter=where)
    return list((await imports.ListImportChanges(request)).import_changes)


async def named(customers, name: str) -> list[customer_pb.Customer]:
    request = customer_rpc.ListCustomersRequest(filter=f'display_name = "{name}"')
    return list((await customers.ListCustomers(request)).customers)


def phone(number: str) -> customer_pb.Identifier:
    return customer_pb.Identifier(kind=customer_pb.IDENTIFIER_KIND_PHONE, value=number)


class TestUndo:
    async def test_needs_the_rights_and_an_ended_run(self, service, imports, failure):
        made = await create(imports, f"{HEADER}某公司,13100000001,,\r\n")
        nobody = service.stub(ImportsServiceStub, None)
        assert (
            await failure(nobody.UndoImport(rpc.UndoImportRequest(id=made.id)))
        ).kind is Kind.UNAUTHENTICATED
        listing = nobody.ListImportChanges(rpc.ListImportChangesRequest(import_id=made.id))
        assert (await failure(listing)).kind is Kind.UNAUTHENTICATED
        assert (await failure(imports.UndoImport(rpc.UndoImportRequest(id=made.id)))).kind is Kind.STATE
        user = await service.add_user({"imports.*": "all", "customers.read": "all"})
        weak = service.stub(ImportsServiceStub, user)
        assert (await failure(weak.UndoImport(rpc.UndoImportRequest(id=made.id)))).kind is Kind.DENIED

    async def test_removes_what_was_created_and_restores_what_was_changed(
        self, imports, customers, make_customer
    ):
        stored = await make_customer("原有公司", identifiers=[phone("13100000011")], industry="钢铁")
        text = f"{HEADER}原有公司新名,13100000011,new@undo.cn,化工\r\n撤销公司,13100000012,,\r\n"
        made = await create(imports, text)
        done = await run(imports, made.id)
        assert (done.counts.created_count, done.counts.updated_count) == (1, 1)
        before = await changes(imports, made.id)
        assert [(c.line, c.result) for c in before] == [
            (2, pb.IMPORT_ROW_RESULT_UPDATED),
            (3, pb.IMPORT_ROW_RESULT_CREATED),
        ]
        assert list(before[0].changed_fields) == ["display_name", "identifiers", "industry"]

        undone = await undo(imports, made.id)
        assert undone.state == pb.IMPORT_STATE_UNDONE
        assert (undone.undone_count, undone.kept_count) == (2, 0)
        back = await customers.GetCustomer(customer_rpc.GetCustomerRequest(id=stored.id))
        assert (back.display_name, back.industry) == ("原有公司", "钢铁")
        assert [i.value for i in back.identifiers] == ["13100000011"]
        assert not await named(customers, "撤销公司")
        again = await run(imports, (await create(imports, text)).id)
        assert (again.counts.created_count, again.counts.updated_count) == (1, 1)

    async def test_what_others_did_since_is_kept_and_told(
        self, service, admin, imports, customers, make_customer
    ):
        stored = await make_customer("甲公司", identifiers=[phone("13100000021")], industry="钢铁")
        rows = [f"丙{i}公司,1310000003{i},,\r\n" for i in range(3)]
        made = await create(imports, f"{HEADER}乙公司,13100000021,,化工\r\n{''.join(rows)}")
        await run(imports, made.id)
        patch = customer_pb.Customer(id=stored.id, industry="建筑")
        await customers.UpdateCustomer(customer_rpc.UpdateCustomerRequest(customer=patch))
        ((edited,), (used,)) = await named(customers, "丙0公司"), await named(customers, "丙1公司")
        patch = customer_pb.Customer(id=edited.id, note="重要")
        await customers.UpdateCustomer(customer_rpc.UpdateCustomerRequest(customer=patch))
        activity = activity_pb2.Activity(
            customer_id=used.id, kind=activity_pb2.ACTIVITY_KIND_CALL, display_name="电话"
        )
        request = activity_service_pb2.CreateActivityRequest(activity=activity)
        await service.stub(ActivitiesServiceStub, admin).CreateActivity(request)

        undone = await undo(imports, made.id)
        assert (undone.undone_count, undone.kept_count) == (1, 3)
        (partly,) = await changes(imports, made.id, "undo_result = PARTLY")
        assert (partly.customer_id, list(partly.kept_fields)) == (stored.id, ["industry"])
        kept = await changes(imports, made.id, "undo_result = KEPT")
        assert {c.customer_id for c in kept} == {edited.id, used.id}
        back = await customers.GetCustomer(customer_rpc.GetCustomerRequest(id=stored.id))
        assert (back.display_name, back.industry) == ("甲公司", "建筑")
        assert not await named(customers, "丙2公司")


class TestMapping:
    async def test_a_value_map_reads_the_files_own_words(self, imports, customers):
        column = pb.ImportColumn(index=1, field="value_class", value_map={"VIP": "A", "select": ""})
        columns = [pb.ImportColumn(index=0, field="display_name"), column]
        made = await create(imports, "名称,档次\r\n词甲公司,vip\r\n词乙公司,Select\r\n", columns=columns)
        done = await run(imports, made.id)
        assert (done.counts.created_count, done.counts.rejected_count) == (2, 0)
        assert [(await named(customers, name))[0].value_class for name in ("词甲公司", "词乙公司")] == [
            "A",
            "",
        ]

    async def test_an_earlier_import_lends_its_mapping(self, imports, failure):
        column = pb.ImportColumn(index=1, field="value_class", value_map={"VIP": "A"})
        columns = [pb.ImportColumn(index=0, field="display_name"), column]
        options = pb.ImportOptions(source="fair", tags=["展会"])
        first = await create(imports, "名称,档次\r\n词丙公司,VIP\r\n", columns=columns, options=options)
        made = await create(imports, "档次,备注,名称\r\nVIP,x,词丁公司\r\n", template_id=first.id)
        assert [c.field for c in made.columns] == ["value_class", "", "display_name"]
        assert (dict(made.columns[0].value_map), made.options.source) == ({"VIP": "A"}, "fair")
        unknown = create(imports, "名称\r\n某\r\n", template_id="01890000-0000-7000-8000-000000000000")
        assert (await failure(unknown)).kind is Kind.NOT_FOUND

    async def test_update_only_creates_nobody(self, imports, make_customer):
        await make_customer("戊公司", identifiers=[phone("13100000051")])
        options = pb.ImportOptions(match_policy=pb.IMPORT_MATCH_POLICY_UPDATE_ONLY)
        text = f"{HEADER}戊公司,13100000051,,化工\r\n己公司,13100000052,,\r\n"
        done = await run(imports, (await create(imports, text, options=options)).id)
        assert (done.counts.created_count, done.counts.updated_count, done.counts.rejected_count) == (0, 1, 1)

    async def test_several_addresses(self, imports, customers):
        text = "Name,Home City,Home Street,Work City,Work Street\nTwo Homes Ltd,Berlin,A 1,Wien,B 2\n"
        made = await create(imports, text)
        assert [c.field for c in made.columns] == [
            "display_name", "address.city", "address.lines", "address.2.city", "address.2.lines",
        ]  # fmt: skip
        await run(imports, made.id)
        (found,) = await named(customers, "Two Homes Ltd")
        assert [(a.city, list(a.lines)) for a in found.addresses] == [("Berlin", ["A 1"]), ("Wien", ["B 2"])]
