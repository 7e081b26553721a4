"""What calls leave in the audit, through a real service and its real login."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from taproot.customer.v1 import (
    contact_pb2,
    contact_service_pb2,
    custom_field_pb2,
    custom_field_service_pb2,
    customer_pb2,
    export_pb2,
    export_service_pb2,
)
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.export_service_pb2_grpc import ExportsServiceStub
from taproot.operations.v1 import audit_service_pb2 as pb
from taproot.operations.v1.audit_service_pb2_grpc import AuditEventsServiceStub
from taproot.options.v1.options_pb2 import SENSITIVITY_FINANCIAL
from taproot_base.errors import AppError
from taproot_chassis import audit as chassis_audit
from taproot_storage.database import UnitOfWork
from taproot_testkit import Harness

PHONE = customer_pb2.IDENTIFIER_KIND_PHONE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    found: Harness = await start_service("customer")
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def seller(service: Harness) -> Any:
    return await service.add_user({"customers.*": "branch", "contacts.*": "branch"}, "/hq/e/sh/")


def customer(name: str = "王芳", phone: str = "") -> customer_pb2.Customer:
    identifiers = [customer_pb2.Identifier(kind=PHONE, value=phone)] if phone else []
    return customer_pb2.Customer(
        kind=customer_pb2.CUSTOMER_KIND_PERSON, display_name=name, identifiers=identifiers
    )


async def query(url: str, sql: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        found: list[Any] = await connection.fetch(sql, *arguments)
        return found
    finally:
        await connection.close()


async def written(service: Harness, principal: Any) -> list[Any]:
    """The caller's events; the spool is written first."""
    assert await service.process.auditor.flush()
    sql = "SELECT * FROM audit_events WHERE principal = $1 ORDER BY number"
    return await query(service.runtime.database.direct_url, sql, principal.subject)


async def make(service: Harness, seller: Any, **values: Any) -> customer_pb2.Customer:
    stub = service.stub(CustomersServiceStub, seller)
    made: customer_pb2.Customer = await stub.CreateCustomer(
        rpc.CreateCustomerRequest(customer=customer(**values))
    )
    return made


class TestChanges:
    async def test_a_change_leaves_one_event_that_says_who_and_what_but_no_value(self, service, seller):
        request = rpc.CreateCustomerRequest(customer=customer("Zhou Jielun", "13812349901"), request_id="r-1")
        made = await service.stub(CustomersServiceStub, seller).CreateCustomer(request)
        [event] = await written(service, seller)
        assert (event["category"], event["outcome"], event["principal_kind"]) == ("change", "OK", "user")
        assert event["method"] == "taproot.customer.v1.CustomersService/CreateCustomer"
        assert (event["permission"], event["resource"]) == ("customers.create", "customers")
        assert event["record_ids"] == [made.id]
        assert event["branch_path"] == "/hq/e/sh/"
        assert event["request_id"] == "r-1"
        assert set(event["fields"]) == {"customer.kind", "customer.display_name", "customer.identifiers"}
        assert "Jielun" not in str(event)
        assert "9901" not in str(event)

    async def test_an_update_names_the_paths_of_its_mask(self, service, seller):
        made = await make(service, seller)
        changed = customer_pb2.Customer(id=made.id, display_name="王芳芳", etag=made.etag)
        await service.stub(CustomersServiceStub, seller).UpdateCustomer(
            rpc.UpdateCustomerRequest(customer=changed, update_mask=FieldMask(paths=["display_name"]))
        )
        event = (await written(service, seller))[-1]
        assert event["record_ids"] == [made.id]
        assert event["fields"] == ["display_name"]

    async def test_a_repeat_leaves_nothing_more(self, service, seller):
        request = rpc.CreateCustomerRequest(customer=customer(), request_id=str(uuid.uuid4()))
        stub = service.stub(CustomersServiceStub, seller)
        first, second = [await stub.CreateCustomer(request) for _ in range(2)]
        assert first.id == second.id
        assert len(await written(service, seller)) == 1

    async def test_a_dry_run_leaves_nothing(self, service, seller):
        request = rpc.CreateCustomerRequest(customer=customer(), validate_only=True)
        await service.stub(CustomersServiceStub, seller).CreateCustomer(request)
        assert await written(service, seller) == []

    async def test_what_fails_leaves_nothing(self, service, seller):
        made = await make(service, seller)
        request = rpc.DeleteCustomerRequest(id=made.id, etag="77")
        with pytest.raises(AppError):
            await service.stub(CustomersServiceStub, seller).DeleteCustomer(request)
        assert len(await written(service, seller)) == 1

    async def test_an_effect_without_its_event_cannot_be(self, service, seller, monkeypatch):
        """The event is written by the very statement that commits: when it cannot be, nothing is."""
        url = service.runtime.database.direct_url
        before = await query(url, "SELECT count(*) FROM customers")
        monkeypatch.setattr("taproot_storage.audit.new_id", lambda: "not an id")
        with pytest.raises(AppError):
            await make(service, seller)
        monkeypatch.undo()
        assert await query(url, "SELECT count(*) FROM customers") == before
        assert await written(service, seller) == []

    async def test_both_are_one_round_trip(self, service, seller, monkeypatch):
        sent: list[str] = []
        commit = UnitOfWork._commit

        async def watched(work: UnitOfWork) -> None:
            connection = work.connection

            class Watching:
                async def execute(self, sql: str, *arguments: Any) -> Any:
                    sent.append(sql)
                    return await connection.execute(sql, *arguments)

                def __getattr__(self, name: str) -> Any:
                    return getattr(connection, name)

            await work.flush()
            work.connection = Watching()
            try:
                await commit(work)
            finally:
                work.connection = connection

        monkeypatch.setattr(UnitOfWork, "_commit", watched)
        await make(service, seller)
        [sql] = [sql for sql in sent if "audit_events" in sql]
        assert sql.endswith("; COMMIT")
        assert len(await written(service, seller)) == 1


class TestLongRunningWork:
    async def test_an_export_is_noted_when_asked_for_when_done_and_when_fetched(self, service):
        grants = {"customers.*": "own", "exports.*": "own"}
        person = await service.add_user(grants, "/hq/e/sh/")
        for name in ("甲", "乙"):
            await make(service, person, name=name)
        stub = service.stub(ExportsServiceStub, person)
        asked = export_pb2.Export(display_name="all", filter='display_name:"甲"')
        made = await stub.CreateExport(export_service_pb2.CreateExportRequest(export=asked))
        await fetched(stub, made.id)
        create, *worked, fetch = (await written(service, person))[2:]
        done = worked[-1]
        assert {event["method"] for event in worked} == {"operation/export"}
        assert create["method"].endswith("/CreateExport")
        assert create["filter_fields"] == ["display_name"]
        assert "甲" not in str(create)
        assert (done["method"], done["principal"]) == ("operation/export", person.subject)
        assert (done["outcome"], done["record_count"]) == ("OK", 1)
        assert made.id in done["record_ids"]
        assert fetch["method"].endswith("/DownloadExport")
        assert fetch["record_ids"][0] == made.id


async def fetched(stub: Any, key: str) -> None:
    deadline = time.monotonic() + 20
    while (
        await stub.GetExport(export_service_pb2.GetExportRequest(id=key))
    ).state == export_pb2.EXPORT_STATE_RUNNING:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    await stub.DownloadExport(export_service_pb2.DownloadExportRequest(id=key))


class TestReadings:
    async def test_reading_sensitive_fields_says_which_of_which_record(self, service, seller):
        made = await make(service, seller, phone="13812349902")
        await service.stub(CustomersServiceStub, seller).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        event = (await written(service, seller))[-1]
        assert (event["category"], event["record_ids"], event["record_count"]) == ("read", [made.id], 1)
        assert {"customer.display_name", "identifier.value"} <= set(event["fields"])

    async def test_it_takes_no_statement_of_its_own_but_is_there_within_two_seconds(self, service, seller):
        made = await make(service, seller)
        rows = service.process.auditor._rows
        await service.process.auditor.flush()
        await service.stub(CustomersServiceStub, seller).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        assert [row["method"].rpartition("/")[2] for row in rows] == ["GetCustomer"]
        url, started = service.runtime.database.direct_url, asyncio.get_running_loop().time()
        sql = "SELECT 1 FROM audit_events WHERE principal = $1 AND category = 'read'"
        while not await query(url, sql, seller.subject):
            assert asyncio.get_running_loop().time() - started < 2
            await asyncio.sleep(0.05)

    async def test_what_is_masked_was_not_shown(self, service, seller):
        made = await make(service, seller, phone="13812349903")
        masks = ("personal", "contact", "note", "identity", "financial")
        reader = await service.add_user({"customers.read": "all"}, masked=masks)
        await service.stub(CustomersServiceStub, reader).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        assert await written(service, reader) == []

    async def test_sensitive_fields_of_the_enterprises_own_are_named_too(self, service, seller):
        definitions = service.stub(CustomFieldsServiceStub, await service.admin())
        for key, sensitivity in (("salary", SENSITIVITY_FINANCIAL), ("colour", 0)):
            field = custom_field_pb2.CustomField(
                resource_type="customer",
                key=key,
                type=custom_field_pb2.CUSTOM_FIELD_TYPE_TEXT,
                sensitivity=sensitivity,
            )
            await definitions.CreateCustomField(
                custom_field_service_pb2.CreateCustomFieldRequest(custom_field=field)
            )
        asked = customer()
        asked.custom.update({"salary": "1000", "colour": "red"})
        stub = service.stub(CustomersServiceStub, seller)
        made = await stub.CreateCustomer(rpc.CreateCustomerRequest(customer=asked))
        await stub.GetCustomer(rpc.GetCustomerRequest(id=made.id))
        event = (await written(service, seller))[-1]
        named = {name for name in event["fields"] if ".custom." in name}
        assert (event["category"], named) == ("read", {"customer.custom.salary"})

    async def test_a_list_names_all_it_showed_and_the_fields_of_its_filter(self, service, seller):
        made = [(await make(service, seller, name=name)).id for name in ("甲", "乙")]
        request = rpc.ListCustomersRequest(filter=f'owner_id = "{seller.subject}" AND display_name:"甲"')
        stub = service.stub(CustomersServiceStub, seller)
        await stub.ListCustomers(rpc.ListCustomersRequest(filter=f'owner_id = "{seller.subject}"'))
        await stub.ListCustomers(request)
        all_shown, one = (await written(service, seller))[-2:]
        assert set(all_shown["record_ids"]) == set(made)
        assert all_shown["record_count"] == 2
        assert set(one["filter_fields"]) == {"owner_id", "display_name"}
        assert "甲" not in str(one)

    async def test_a_reading_waits_when_the_spool_is_full_and_fails_when_it_cannot_be_noted(
        self, service, seller, monkeypatch
    ):
        made = await make(service, seller)
        monkeypatch.setattr(chassis_audit, "MOST_SPOOLED", 1)
        stub, request = service.stub(CustomersServiceStub, seller), rpc.GetCustomerRequest(id=made.id)
        await stub.GetCustomer(request)
        assert service.process.auditor._rows == []
        monkeypatch.setattr("taproot_storage.audit.insertion", lambda _events: "SELECT 1 / 0")
        with pytest.raises(AppError) as caught:
            await stub.GetCustomer(request)
        assert caught.value.reason == "AUDIT_STALLED"
        monkeypatch.undo()
        assert len(await written(service, seller)) == 3

    async def test_draining_writes_what_is_spooled(self, start_service, monkeypatch):
        monkeypatch.setattr(chassis_audit, "FLUSH_SECONDS", 3600)
        other = await start_service("customer")
        admin = await other.admin()
        made = await make(other, admin)
        await other.stub(CustomersServiceStub, admin).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        url, sql = other.runtime.database.direct_url, "SELECT 1 FROM audit_events WHERE category = 'read'"
        assert await query(url, sql) == []
        await other.process.__aexit__(None, None, None)
        assert len(await query(url, sql)) == 1


class TestRefusals:
    async def test_who_lacks_the_permission_is_noted_with_what_was_asked_for(self, service, seller):
        made = await make(service, seller)
        stranger = await service.add_user({"contacts.read": "own"}, "/hq/w/")
        with pytest.raises(AppError):
            await service.stub(CustomersServiceStub, stranger).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        [event] = await written(service, stranger)
        assert (event["category"], event["outcome"]) == ("refusal", "PERMISSION_DENIED")
        assert event["record_ids"] == [made.id]

    async def test_nobody_is_noted_as_anonymous(self, service):
        with pytest.raises(AppError):
            await service.stub(CustomersServiceStub, None).GetCustomer(rpc.GetCustomerRequest(id="x"))
        assert await service.process.auditor.flush()
        sql = "SELECT outcome FROM audit_events WHERE principal = 'anonymous'"
        found = await query(service.runtime.database.direct_url, sql)
        assert {row[0] for row in found} == {"UNAUTHENTICATED"}


class TestTheList:
    async def listed(self, service: Harness, reader: Any, condition: str) -> list[pb.AuditEvent]:
        stub = service.stub(AuditEventsServiceStub, reader)
        answer = await stub.ListAuditEvents(pb.ListAuditEventsRequest(filter=condition))
        return list(answer.audit_events)

    async def test_needs_its_permission(self, service, seller):
        with pytest.raises(AppError) as caught:
            await self.listed(service, seller, "")
        assert caught.value.reason == "PERMISSION_DENIED"

    async def test_tells_who_changed_and_who_saw_a_record(self, service, seller):
        made = await make(service, seller)
        contact = contact_pb2.Contact(customer_id=made.id, display_name="李雷")
        stub = service.stub(ContactsServiceStub, seller)
        await stub.CreateContact(contact_service_pb2.CreateContactRequest(contact=contact))
        other = await service.add_user({"customers.read": "all"}, "/hq/w/")
        await service.stub(CustomersServiceStub, other).GetCustomer(rpc.GetCustomerRequest(id=made.id))
        await service.process.auditor.flush()
        auditor = await service.add_user({"audit.read": "all"}, "/hq/")
        found = await self.listed(service, auditor, f'record_id = "{made.id}"')
        assert [(e.principal, pb.AuditCategory.Name(e.category)) for e in found] == [
            (other.subject, "AUDIT_CATEGORY_READ"),
            (seller.subject, "AUDIT_CATEGORY_CHANGE"),
        ]
        assert {e.service for e in found} == {"customer"}
        reads = await self.listed(service, auditor, f'record_id = "{made.id}" AND category = READ')
        assert [e.principal for e in reads] == [other.subject]

    async def test_shows_a_branch_only_what_its_own_people_did(self, service, seller):
        made = await make(service, seller)
        here = await service.add_user({"audit.read": "branch"}, "/hq/e/sh/")
        above = await service.add_user({"audit.read": "branch_and_below"}, "/hq/e/")
        elsewhere = await service.add_user({"audit.read": "branch_and_below"}, "/hq/w/")
        own = await service.add_user({"audit.read": "own"}, "/hq/e/sh/")
        about = f'record_id = "{made.id}"'
        assert [len(await self.listed(service, who, about)) for who in (here, above, elsewhere, own)] == [
            1, 1, 0, 0,
        ]  # fmt: skip

    async def test_pages_and_aggregates(self, service, seller):
        for _ in range(3):
            await make(service, seller)
        stub = service.stub(AuditEventsServiceStub, await service.add_user({"audit.read": "all"}))
        mine = f'principal = "{seller.subject}"'
        numbers, token = [], ""
        for _ in range(3):
            page = await stub.ListAuditEvents(
                pb.ListAuditEventsRequest(filter=mine, page_size=1, page_token=token)
            )
            numbers += [event.number for event in page.audit_events]
            token = page.next_page_token
        assert numbers == sorted(numbers, reverse=True)
        assert len(set(numbers)) == 3
        request = pb.AggregateAuditEventsRequest(filter=mine, group_by=["category"], measures=["count()"])
        [row] = (await stub.AggregateAuditEvents(request)).rows
        assert (list(row.keys), list(row.values)) == (["change"], ["3"])


async def test_the_services_login_may_only_add(service):
    url, month = service.runtime.database.direct_url, f"{datetime.now(UTC):%Y%m}"
    connection = await asyncpg.connect(url)
    for statement in (
        "UPDATE audit_events SET outcome = 'OK'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        f"UPDATE audit_events_p{month} SET outcome = 'OK'",
        f"DELETE FROM audit_events_p{month}",
        f"TRUNCATE audit_events_p{month}",
        "UPDATE audit_blocks SET number = 1",
        "DELETE FROM audit_blocks",
        "TRUNCATE audit_blocks",
        "DROP TABLE audit_blocks",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "SELECT setval('audit_events_number', 1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()
