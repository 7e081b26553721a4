"""Files on customers, on real PostgreSQL and a real store of files."""

from __future__ import annotations

import hashlib
import os
import time
import uuid

import pytest
import pytest_asyncio
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.wrappers_pb2 import StringValue

from taproot.customer.v1 import attachment_pb2 as pb
from taproot.customer.v1 import attachment_service_pb2 as rpc
from taproot.customer.v1 import customer_service_pb2 as customers
from taproot.customer.v1.attachment_service_pb2_grpc import AttachmentsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import Kind
from taproot_customer.attachments import files, queries
from taproot_customer.orphans import KEEP, Sweeper

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
PDF = b"%PDF-1.7\n" + b"x" * 64


@pytest_asyncio.fixture(loop_scope="session")
async def attachments(service, admin):
    return service.stub(AttachmentsServiceStub, admin)


@pytest_asyncio.fixture(loop_scope="session")
async def customer(make_customer):
    return await make_customer(f"附件 {uuid.uuid4().hex}")


def upload(customer_id: str, content: bytes = PDF, name: str = "合同.pdf", **values: str):
    body = HttpBody(content_type="text/html", data=content)
    return rpc.UploadAttachmentRequest(customer_id=customer_id, display_name=name, content=body, **values)


def fetch(key: str) -> rpc.DownloadAttachmentRequest:
    return rpc.DownloadAttachmentRequest(id=key)


def stored(service) -> set[str]:
    folder = service.runtime.blobs.path("attachments")
    return {one.name for one in folder.iterdir()} if folder.exists() else set()


class TestUpload:
    async def test_needs_a_caller_with_the_permission(self, service, customer, failure):
        nobody = service.stub(AttachmentsServiceStub, None)
        reader = service.stub(AttachmentsServiceStub, await service.add_user({"attachments.read": "all"}))
        key = customer.id
        for call in (
            nobody.UploadAttachment(upload(key)),
            nobody.DownloadAttachment(fetch(key)),
            nobody.GetAttachment(rpc.GetAttachmentRequest(id=key)),
            nobody.ListAttachments(rpc.ListAttachmentsRequest()),
            nobody.AggregateAttachments(rpc.AggregateAttachmentsRequest()),
            nobody.UpdateAttachment(rpc.UpdateAttachmentRequest(attachment=pb.Attachment(id=key))),
            nobody.DeleteAttachment(rpc.DeleteAttachmentRequest(id=key)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED
        assert (await failure(reader.UploadAttachment(upload(key)))).kind is Kind.DENIED

    async def test_comes_back_as_it_went(self, service, attachments, customer):
        made = await attachments.UploadAttachment(upload(customer.id, note="signed"))
        assert (made.display_name, made.media_type, made.size_bytes) == (
            "合同.pdf",
            "application/pdf",
            len(PDF),
        )
        assert made.sha256 == hashlib.sha256(PDF).hexdigest()
        got = await attachments.DownloadAttachment(fetch(made.id))
        name = StringValue()
        assert got.extensions[0].Unpack(name)
        assert (got.data, got.content_type, name.value) == (PDF, "application/pdf", "合同.pdf")
        listed = await attachments.ListAttachments(
            rpc.ListAttachmentsRequest(filter=f'customer_id = "{customer.id}" AND size_bytes > 10')
        )
        assert [one.id for one in listed.attachments] == [made.id]
        (event,) = [e for e in await service.events(1, of="attachment.*") if str(e.aggregate_id) == made.id]
        assert str(event.party_id) == customer.id
        assert PDF not in event.payload

    async def test_a_repeat_hangs_it_on_once(self, service, attachments, customer):
        before = stored(service)
        again = [await attachments.UploadAttachment(upload(customer.id, request_id="k1")) for _ in range(2)]
        assert again[0].id == again[1].id
        assert len(stored(service) - before) == 1

    async def test_says_all_that_is_wrong_and_keeps_nothing(self, service, attachments, customer, failure):
        before = stored(service)
        error = await failure(attachments.UploadAttachment(upload(customer.id, b"", "../ ")))
        assert {one.field for one in error.violations} == {"display_name", "content"}
        long = b"x" * (files.MOST_BYTES + 1)
        error = await failure(attachments.UploadAttachment(upload(customer.id, long)))
        assert [one.field for one in error.violations] == ["content"]
        error = await failure(attachments.UploadAttachment(upload(str(uuid.uuid4()))))
        assert error.kind is Kind.NOT_FOUND
        assert stored(service) == before

    async def test_the_id_of_another_is_refused_and_its_file_stays(self, attachments, customer, failure):
        made = await attachments.UploadAttachment(upload(customer.id))
        error = await failure(attachments.UploadAttachment(upload(customer.id, PNG, id=made.id)))
        assert error.kind is Kind.EXISTS
        assert (await attachments.DownloadAttachment(fetch(made.id))).data == PDF

    @pytest.mark.parametrize(
        ("content", "wanted"),
        [
            (PNG, "image/png"),
            (b"<html><script>alert(1)</script>", "text/plain"),
            (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "text/plain"),
            ("你好".encode(), "text/plain"),
            (b"\x00\x01\x02\xff", "application/octet-stream"),
        ],
    )
    async def test_is_what_its_bytes_say(self, attachments, customer, content: bytes, wanted: str):
        """What a browser would run is told to be plain text."""
        made = await attachments.UploadAttachment(upload(customer.id, content, "a.html"))
        assert made.media_type == wanted

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\报价.xlsx", "报价.xlsx"),
            ("a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"),
            ("\u202egpj.exe", "gpj.exe"),
            ("..", ""),
            ("dir/", ""),
        ],
    )
    def test_names_lead_nowhere(self, given: str, wanted: str):
        assert files.clean_name(given) == wanted


class TestDownload:
    """Whoever sees the record no longer, or not whole, has no file either."""

    async def test_only_who_sees_the_customer(self, service, attachments, make_customer, failure):
        mine = await service.add_user({"customers.*": "branch", "attachments.*": "branch"}, "/hq/e/sh/")
        theirs = await service.add_user({"customers.*": "branch", "attachments.*": "branch"}, "/hq/w/")
        customer = await make_customer("看得见", by=mine)
        seller, stranger = (
            service.stub(AttachmentsServiceStub, mine),
            service.stub(AttachmentsServiceStub, theirs),
        )
        made = await seller.UploadAttachment(upload(customer.id))
        assert (await seller.DownloadAttachment(fetch(made.id))).data == PDF
        hidden = await failure(stranger.DownloadAttachment(fetch(made.id)))
        absent = await failure(stranger.DownloadAttachment(fetch(str(uuid.uuid4()))))
        assert hidden.kind is absent.kind is Kind.NOT_FOUND
        assert hidden.message.replace(made.id, "") == absent.message.replace(
            absent.message.split()[-1], ""
        ) or (hidden.reason == absent.reason)
        assert (await failure(stranger.UploadAttachment(upload(customer.id)))).kind is Kind.NOT_FOUND

    async def test_it_leaves_with_its_customer(self, service, make_customer, failure, admin):
        """Who uploaded it keeps no way to it when the customer has gone to another branch."""
        grants = {"customers.*": "branch", "attachments.*": "branch"}
        before, after = [await service.add_user(grants, path) for path in ("/hq/e/sh/", "/hq/w/")]
        customer = await make_customer("搬走", by=before)
        stub = service.stub(AttachmentsServiceStub, before)
        made = await stub.UploadAttachment(upload(customer.id))
        assign = customers.AssignCustomerRequest(id=customer.id, owner_id=after.subject)
        await service.stub(CustomersServiceStub, admin).AssignCustomer(assign)
        assert (await failure(stub.DownloadAttachment(fetch(made.id)))).kind is Kind.NOT_FOUND
        other = service.stub(AttachmentsServiceStub, after)
        deadline = time.monotonic() + 10
        while not (await other.ListAttachments(rpc.ListAttachmentsRequest())).attachments:
            assert time.monotonic() < deadline
        assert (await other.DownloadAttachment(fetch(made.id))).data == PDF

    @pytest.mark.parametrize("masked", ["note", "attachment.display_name", "attachment.note"])
    async def test_what_a_role_hides_is_not_to_be_had_as_a_file(
        self, service, attachments, customer, failure, masked: str
    ):
        made = await attachments.UploadAttachment(upload(customer.id))
        clerk = service.stub(
            AttachmentsServiceStub,
            await service.add_user({"customers.read": "all", "attachments.read": "all"}, masked=(masked,)),
        )
        assert (await clerk.GetAttachment(rpc.GetAttachmentRequest(id=made.id))).id == made.id
        assert (await failure(clerk.DownloadAttachment(fetch(made.id)))).kind is Kind.DENIED

    async def test_a_deleted_one_is_gone_and_so_is_its_file(self, service, attachments, customer, failure):
        before = stored(service)
        made = await attachments.UploadAttachment(upload(customer.id))
        await attachments.DeleteAttachment(rpc.DeleteAttachmentRequest(id=made.id))
        assert (await failure(attachments.DownloadAttachment(fetch(made.id)))).kind is Kind.NOT_FOUND
        assert stored(service) == before


class TestUpdate:
    async def test_names_and_notes_change_the_file_never(self, attachments, customer, failure):
        made = await attachments.UploadAttachment(upload(customer.id))
        changed = pb.Attachment(id=made.id, display_name="a/新名.pdf", note="second")
        updated = await attachments.UpdateAttachment(rpc.UpdateAttachmentRequest(attachment=changed))
        assert (updated.display_name, updated.note, updated.sha256) == ("新名.pdf", "second", made.sha256)
        stale = pb.Attachment(id=made.id, note="third", etag=made.etag)
        error = await failure(attachments.UpdateAttachment(rpc.UpdateAttachmentRequest(attachment=stale)))
        assert error.reason == "ETAG_MISMATCH"


class TestOrphans:
    async def test_only_files_without_a_record_and_only_old_ones_go(self, service, attachments, customer):
        made = await attachments.UploadAttachment(upload(customer.id))
        blobs, database = service.runtime.blobs, service.runtime.database
        for name in ("old", "fresh"):
            await blobs.put(f"attachments/{name}", b"lost")
        past = time.time() - KEEP.total_seconds() - 60
        for name in stored(service) - {"fresh"}:
            os.utime(blobs.path(f"attachments/{name}"), (past, past))
        with service.system_call():
            await Sweeper(blobs, files.FOLDER, queries.known_files)(database)
        assert "old" not in stored(service)
        assert "fresh" in stored(service)
        assert (await attachments.DownloadAttachment(fetch(made.id))).data == PDF
