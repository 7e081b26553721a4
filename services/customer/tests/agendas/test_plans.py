"""No calendar reads a table from end to end: tables are empty here, so PostgreSQL is forbidden to where it can."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot.customer.v1.agenda_service_pb2_grpc import AgendasServiceStub
from taproot_storage.database import Reader

TABLES = ("activities", "tasks", "care_dates")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.fixture
def plans(monkeypatch):
    found: list[dict[str, Any]] = []
    fetch = Reader.fetch

    async def explained(self, statement, **values):
        prepared = self._prepare(statement)
        if any(f"FROM {table}" in prepared.text for table in TABLES):
            async with self.connection.transaction():
                await self.connection.execute("SET LOCAL enable_seqscan = off")
                text = f"EXPLAIN (FORMAT JSON) {prepared.text}"
                answer = await self.connection.fetchval(text, *prepared.arguments(values))
            found.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])
        return await fetch(self, statement, **values)

    monkeypatch.setattr(Reader, "fetch", explained)
    return found


@pytest.mark.parametrize("whose", ["user_id", "customer_id"])
async def test_each_source_is_read_by_an_index(service, admin, make_customer, plans, whose):
    key = admin.subject if whose == "user_id" else (await make_customer()).id
    since, before = Timestamp(), Timestamp()
    since.FromDatetime(dt.datetime(2100, 3, 1, tzinfo=dt.UTC))
    before.FromDatetime(dt.datetime(2100, 4, 1, tzinfo=dt.UTC))
    request = pb.ReadAgendaRequest(from_time=since, to_time=before, **{whose: key})
    await service.stub(AgendasServiceStub, admin).ReadAgenda(request)
    assert len(plans) == 2 * len(TABLES)
    read = [node for plan in plans for node in nodes(plan)]
    assert not [node for node in read if node["Node Type"] == "Seq Scan"]
    if whose == "user_id":
        assert "ix_tasks_owner_due" in {node.get("Index Name") for node in read}
