"""A worker killed in the middle of an import: the next one goes on, nothing is lost and nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import asyncpg
import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_pb2 as customer_pb
from taproot.customer.v1 import import_pb2 as pb
from taproot.customer.v1 import import_service_pb2 as rpc
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub

pytestmark = pytest.mark.slow
ROWS = 2_000
KNOWN = (7, 900, 1_999)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service):
    return await start_service("customer", role="api")


def start_worker(service) -> subprocess.Popen[bytes]:
    settings = service.runtime.settings
    values = {
        "TAPROOT_DATABASE_URL": settings.database_url,
        "TAPROOT_NATS_URL": settings.nats_url,
        "TAPROOT_KEYS_DIR": str(settings.keys_dir),
        "TAPROOT_BLOB_DIR": str(settings.blob_dir),
        "TAPROOT_ROLE": "worker",
        "TAPROOT_DRAIN_SECONDS": "0.1",
    }
    return subprocess.Popen([sys.executable, "-m", "taproot_customer"], env={**os.environ, **values})


async def until(stub, key: str, wanted, seconds: float) -> pb.Import:
    deadline = time.monotonic() + seconds
    while not wanted(found := await stub.GetImport(rpc.GetImportRequest(id=key))):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)
    return found


class TestCrash:
    async def test_goes_on_where_it_stopped(self, service, admin, make_customer, content_hash):
        for number in KNOWN:
            phone = customer_pb.Identifier(kind=customer_pb.IDENTIFIER_KIND_PHONE, value=f"139{number:08d}")
            await make_customer(f"李{number}", kind=customer_pb.CUSTOMER_KIND_PERSON, identifiers=[phone])
        before = await content_hash(service)
        stub = service.stub(ImportsServiceStub, admin)
        lines = [f"张{i},139{i:08d},c{i}@example.com" for i in range(ROWS)]
        lines[1700] = "坏行,12,"
        content = "\n".join(["姓名,手机,邮箱", *lines]).encode()
        found = pb.Import(file_name="big.csv", content=content, options=pb.ImportOptions(source="crash"))
        made = await stub.CreateImport(rpc.CreateImportRequest(**{"import": found}))
        await stub.StartImport(rpc.StartImportRequest(id=made.id))

        worker = start_worker(service)
        halfway = await until(stub, made.id, lambda i: i.counts.read_count > 0, 120)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        stopped = await stub.GetImport(rpc.GetImportRequest(id=made.id))
        assert 0 < halfway.counts.read_count <= stopped.counts.read_count < ROWS
        assert stopped.state == pb.IMPORT_STATE_RUNNING

        second = start_worker(service)
        try:
            done = await until(stub, made.id, lambda i: i.state != pb.IMPORT_STATE_RUNNING, 240)
        finally:
            second.kill()
            second.wait()
        assert done.state == pb.IMPORT_STATE_SUCCEEDED
        counts = done.counts
        assert (counts.read_count, counts.updated_count, counts.rejected_count) == (ROWS, len(KNOWN), 1)
        assert counts.created_count == ROWS - 1 - len(KNOWN)
        assert done.done_bytes == len(content)
        connection = await asyncpg.connect(service.runtime.settings.database_url)
        try:
            stored = await connection.fetchrow("SELECT count(*), count(DISTINCT display_name) FROM customers")
            keys = await connection.fetchval("SELECT count(*) FROM customer_keys")
            events = await connection.fetchval(
                "SELECT count(*) FROM event_log WHERE type = 'customer.created'"
            )
        finally:
            await connection.close()
        assert tuple(stored) == (ROWS - 1, ROWS - 1)
        assert (keys, events) == (2 * (ROWS - 1), ROWS - 1)
        await self.undo(service, stub, made.id)
        assert await content_hash(service) == before

    async def undo(self, service, stub, key: str) -> None:
        """The same for taking it back."""
        await stub.UndoImport(rpc.UndoImportRequest(id=key))
        worker = start_worker(service)
        await until(stub, key, lambda i: i.undone_count > 0, 120)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        stopped = await stub.GetImport(rpc.GetImportRequest(id=key))
        assert (stopped.state, stopped.undone_count < ROWS - 1) == (pb.IMPORT_STATE_UNDOING, True)
        second = start_worker(service)
        try:
            undone = await until(stub, key, lambda i: i.state != pb.IMPORT_STATE_UNDOING, 240)
        finally:
            second.kill()
            second.wait()
        assert (undone.state, undone.undone_count, undone.kept_count) == (pb.IMPORT_STATE_UNDONE, ROWS - 1, 0)
        connection = await asyncpg.connect(service.runtime.settings.database_url)
        try:
            alive = await connection.fetchval("SELECT count(*) FROM customers WHERE delete_time IS NULL")
            keys = await connection.fetchval("SELECT count(*) FROM customer_keys")
            events = await connection.fetchval(
                "SELECT count(*) FROM event_log WHERE type = 'customer.deleted'"
            )
        finally:
            await connection.close()
        assert (alive, keys, events) == (len(KNOWN), len(KNOWN), ROWS - 1 - len(KNOWN))
