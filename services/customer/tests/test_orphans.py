"""Files no record has are deleted a day after they were written; all others stay."""

from __future__ import annotations

import os
import time
import uuid

import pytest

from taproot.customer.v1 import import_pb2, import_service_pb2
from taproot.customer.v1.import_service_pb2_grpc import ImportsServiceStub
from taproot_base.ids import new_id
from taproot_customer import sweeping
from taproot_customer.exports.model import Export
from taproot_customer.orphans import KEEP
from taproot_customer.results import RUNNING, SUCCEEDED

FILE = "姓名,手机\n张三,13800000001\n".encode()


@pytest.fixture
def sweep(service):
    """Runs all the jobs, with every file as old as that."""

    async def run(age: float) -> set[str]:
        blobs, then = service.runtime.blobs, time.time() - age
        folders = ("attachments", "imports", "exports")
        for key in [one for folder in folders for one in await blobs.older_than(folder, -60)]:
            os.utime(blobs.path(key), (then, then))
        with service.system_call():
            for job in sweeping.jobs(blobs):
                await job.run(service.runtime.database)
        return {one for folder in folders for one in await blobs.older_than(folder, -60)}

    return run


async def take_in(service, admin, request_id: str = "") -> import_pb2.Import:
    made = import_pb2.Import(file_name="p.csv", content=FILE)
    request = import_service_pb2.CreateImportRequest(**{"import": made}, request_id=request_id)
    return await service.stub(ImportsServiceStub, admin).CreateImport(request)


async def test_what_a_repeated_request_left_goes_and_the_import_keeps_its_file(service, admin, sweep):
    name = str(uuid.uuid4())
    made, again = [await take_in(service, admin, name) for _ in range(2)]
    assert made.id == again.id
    assert len(await sweep(KEEP.total_seconds() - 60)) == 2, "a day is not over"
    (kept,) = await sweep(KEEP.total_seconds() + 60)
    stub = service.stub(ImportsServiceStub, admin)
    update = import_service_pb2.UpdateImportRequest(
        **{"import": import_pb2.Import(id=made.id, dialect=import_pb2.ImportDialect(has_header=True))}
    )
    assert (await stub.UpdateImport(update)).columns, "the file is there to be looked at"
    await stub.DeleteImport(import_service_pb2.DeleteImportRequest(id=made.id))
    assert kept not in await sweep(KEEP.total_seconds() + 60)


async def test_parts_of_exports_stay_while_it_runs_and_as_far_as_it_came(service, sweep):
    blobs, now = service.runtime.blobs, service.runtime.clock.now()
    ended, runs, gone = (new_id() for _ in range(3))
    values = {"display_name": "x", "file_format": "csv", "operation_id": new_id(), "branch_path": "/hq/"}
    with service.system_call():
        async with service.runtime.database.unit() as work:
            for key, state, count in ((ended, SUCCEEDED, 1), (runs, RUNNING, 0)):
                await work.add(Export.create(key, {**values, "state": state, "part_count": count}, now))
    for key in (ended, runs, gone):
        for part in range(2):
            await blobs.put(f"exports/{key}-{part}", b"x")
    await blobs.put("exports/readme.txt", b"somebody else's")
    left = {one for one in await sweep(KEEP.total_seconds() + 60) if one.startswith("exports/")}
    assert left == {f"exports/{ended}-0", f"exports/{runs}-0", f"exports/{runs}-1", "exports/readme.txt"}
