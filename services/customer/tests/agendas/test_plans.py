"""No calendar reads a table from end to end."""

from __future__ import annotations

import datetime as dt

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot.customer.v1.agenda_service_pb2_grpc import AgendasServiceStub

TABLES = ("activities", "tasks", "care_dates")


@pytest.mark.parametrize("whose", ["user_id", "customer_id"])
async def test_each_source_is_read_by_an_index(service, admin, make_customer, explaining, whose):
    key = admin.subject if whose == "user_id" else (await make_customer()).id
    since, before = Timestamp(), Timestamp()
    since.FromDatetime(dt.datetime(2100, 3, 1, tzinfo=dt.UTC))
    before.FromDatetime(dt.datetime(2100, 4, 1, tzinfo=dt.UTC))
    request = pb.ReadAgendaRequest(from_time=since, to_time=before, **{whose: key})
    plans = explaining(*TABLES)
    await service.stub(AgendasServiceStub, admin).ReadAgenda(request)
    assert len(plans.found) == 2 * len(TABLES)
    assert not plans.read_whole()
    if whose == "user_id":
        assert "ix_tasks_owner_due" in plans.indexes()
