"""The bulk search over many customers. TAPROOT_DUPLICATE_ROWS says how many; `-s` shows what was measured."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time

import psutil
import pytest
from sqlalchemy import select

from taproot.customer.v1 import duplicate_pair_pb2 as pair
from taproot.customer.v1 import duplicate_pair_service_pb2 as rpc
from taproot.customer.v1.duplicate_pair_service_pb2_grpc import DuplicatePairsServiceStub
from taproot.operations.v1 import operations_pb2 as operations_rpc
from taproot.operations.v1.operations_pb2_grpc import OperationsServiceStub
from taproot_customer.review.model import DuplicatePair

ROWS = int(os.environ.get("TAPROOT_DUPLICATE_ROWS", "2000"))
LONGEST = 120 + ROWS / 200
"""Seconds after which a search is taken for stuck."""


def processor_seconds() -> float:
    """Of this process and the one that compares."""
    mine = psutil.Process()
    times = [each.cpu_times() for each in (mine, *mine.children()) if "postgres" not in each.name()]
    return sum(time.user + time.system for time in times)


@pytest.mark.timeout(2 * LONGEST)
async def test_finds_nearly_all_and_little_else(service, admin, settled):
    started = time.monotonic()
    crowd = await settled(ROWS)
    ready = time.monotonic()
    spent = processor_seconds()
    stub = service.stub(DuplicatePairsServiceStub, admin)
    operation = await stub.SearchDuplicatePairs(rpc.SearchDuplicatePairsRequest())
    waiting = service.stub(OperationsServiceStub, admin)
    request = operations_rpc.GetOperationRequest(name=operation.name)
    while not (ended := await waiting.GetOperation(request)).done:
        assert time.monotonic() - ready < LONGEST, ended
        await asyncio.sleep(0.1)
    assert not ended.error.message
    took = time.monotonic() - ready
    result = pair.DuplicateSearch()
    ended.response.Unpack(result)
    async with service.runtime.database.reading() as reader:
        table = DuplicatePair.__table__.c
        rows = await reader.fetch(select(table.left_id, table.right_id, table.score))
    found = {frozenset((row["left_id"], row["right_id"])) for row in rows}
    same = {frozenset(both) for both in crowd.same}
    precision, recall = len(found & same) / len(found), len(found & same) / len(same)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(
        f"\n{ROWS} customers: settled in {ready - started:.1f} s, searched in {took:.1f} s "
        f"({processor_seconds() - spent:.1f} s of processor time), "
        f"{result.compared_count} pairs compared, {len(found)} found, precision {precision:.4f}, "
        f"recall {recall:.4f}, peak memory {memory} MiB\n"
    )
    assert result.open_count == len(found)
    assert recall >= 0.95
    assert precision >= 0.9
