"""Files larger than a message go up in parts, over lines that break, and are imported."""

from __future__ import annotations

import asyncio
import os
import time
import uuid

import pytest_asyncio
from google.api.httpbody_pb2 import HttpBody

from taproot.customer.v1 import import_pb2 as imports_pb
from taproot.customer.v1 import import_service_pb2 as imports_rpc
from taproot.customer.v1 import upload_service_pb2 as rpc
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot.customer.v1.upload_service_pb2_grpc import UploadsServiceStub
from taproot_base.errors import Kind
from taproot_customer.uploads import handlers

PART = 300_000


@pytest_asyncio.fixture(loop_scope="session")
async def uploads(service, admin):
    return service.stub(UploadsServiceStub, admin)


def part(key: str, offset: int, content: bytes) -> rpc.AppendUploadRequest:
    return rpc.AppendUploadRequest(id=key, offset=offset, content=HttpBody(data=content))


def table(rows: int) -> bytes:
    lines = [f"张{n},138{n:08d},p{n}@example.com,上传的一行" for n in range(rows)]
    return "\n".join(["姓名,手机,邮箱,备注", *lines]).encode()


async def test_needs_a_caller_with_the_permission(service, failure):
    key, nobody = str(uuid.uuid4()), service.stub(UploadsServiceStub, None)
    clerk = service.stub(UploadsServiceStub, await service.add_user({"imports.read": "all"}))
    for one in (
        lambda stub: stub.AppendUpload(part(key, 0, b"x")),
        lambda stub: stub.GetUpload(rpc.GetUploadRequest(id=key)),
        lambda stub: stub.DeleteUpload(rpc.DeleteUploadRequest(id=key)),
    ):
        assert (await failure(one(nobody))).kind is Kind.UNAUTHENTICATED
        assert (await failure(one(clerk))).kind is Kind.DENIED


async def test_a_file_goes_up_in_parts_and_is_imported(service, admin, uploads):
    key, content = str(uuid.uuid4()), table(9_000)
    for offset in range(0, len(content), PART):
        sent = await uploads.AppendUpload(part(key, offset, content[offset : offset + PART]))
    assert sent.size_bytes == len(content)
    stub = service.stub(ImportsServiceStub, admin)
    made = await stub.CreateImport(
        imports_rpc.CreateImportRequest(**{"import": imports_pb.Import(file_name="p.csv", upload_ref=key)})
    )
    assert made.size_bytes == len(content)
    stored = await service.runtime.blobs.get(f"uploads/{admin.subject}/{key}")
    assert stored == content


async def test_a_repeat_changes_nothing_and_a_gap_is_told(uploads, failure):
    key = str(uuid.uuid4())
    await uploads.AppendUpload(part(key, 0, b"0123"))
    again = await uploads.AppendUpload(part(key, 0, b"0123"))
    assert again.size_bytes == 4
    longer = await uploads.AppendUpload(part(key, 2, b"2345"))  # its first half is there already
    assert longer.size_bytes == 6
    gap = await failure(uploads.AppendUpload(part(key, 9, b"9")))
    assert (gap.reason, gap.metadata["size_bytes"]) == ("WRONG_OFFSET", "6")
    assert (await uploads.GetUpload(rpc.GetUploadRequest(id=key))).size_bytes == 6


async def test_the_same_part_sent_at_once_arrives_once(service, admin, uploads):
    key, content = str(uuid.uuid4()), os.urandom(200_000)
    for offset in range(0, len(content), 50_000):
        piece = content[offset : offset + 50_000]
        await asyncio.gather(*(uploads.AppendUpload(part(key, offset, piece)) for _ in range(5)))
    assert await service.runtime.blobs.get(f"uploads/{admin.subject}/{key}") == content


async def test_says_all_that_is_wrong(uploads, failure):
    error = await failure(uploads.AppendUpload(part(str(uuid.uuid4()), handlers.MOST_BYTES + 1, b"")))
    assert {one.field for one in error.violations} == {"content", "offset"}
    error = await failure(uploads.AppendUpload(part("../../x", 0, b"x")))
    assert [one.field for one in error.violations] == ["id"]


async def test_it_is_the_senders_alone(service, admin, uploads, failure):
    key = str(uuid.uuid4())
    await uploads.AppendUpload(part(key, 0, b"secret"))
    other_user = await service.admin()
    other = service.stub(UploadsServiceStub, other_user)
    for call in (
        other.GetUpload(rpc.GetUploadRequest(id=key)),
        other.DeleteUpload(rpc.DeleteUploadRequest(id=key)),
    ):
        assert (await failure(call)).kind is Kind.NOT_FOUND
    theirs = imports_pb.Import(file_name="p.csv", upload_ref=key)
    stub = service.stub(ImportsServiceStub, other_user)
    error = await failure(stub.CreateImport(imports_rpc.CreateImportRequest(**{"import": theirs})))
    assert [one.field for one in error.violations] == ["import.upload_ref"]
    await uploads.DeleteUpload(rpc.DeleteUploadRequest(id=key))
    assert (await failure(uploads.GetUpload(rpc.GetUploadRequest(id=key)))).kind is Kind.NOT_FOUND


async def test_what_nobody_adds_to_is_dropped_after_a_day(service, admin, uploads, failure):
    old, fresh, blobs = str(uuid.uuid4()), str(uuid.uuid4()), service.runtime.blobs
    for key in (old, fresh):
        await uploads.AppendUpload(part(key, 0, b"x"))
    past = time.time() - handlers.KEEP.total_seconds() - 60
    os.utime(blobs.path(f"uploads/{admin.subject}/{old}"), (past, past))
    await handlers.expire(blobs, service.runtime.database)
    assert (await failure(uploads.GetUpload(rpc.GetUploadRequest(id=old)))).kind is Kind.NOT_FOUND
    assert (await uploads.GetUpload(rpc.GetUploadRequest(id=fresh))).size_bytes == 1
