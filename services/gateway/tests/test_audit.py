"""The audit of several services as one: measured together, listed in the order of time."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from taproot.operations.v1 import audit_service_pb2 as pb
from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_gateway.audit import AGGREGATE, LIST, CannotMerge, merged
from taproot_gateway.operations import Operations


class Services:
    """`stored`: service -> seconds of its events, newest first."""

    def __init__(self, stored: dict[str, list[int]]) -> None:
        self._stored = stored

    @property
    def names(self) -> list[str]:
        return sorted(self._stored)

    async def call(self, name: str, path: str, request: bytes, _metadata: Any, _seconds: Any) -> bytes:
        if path == AGGREGATE:
            count = str(len(self._stored[name]))
            return pb.AggregateAuditEventsResponse(
                rows=[AggregateRow(keys=["change"], values=[count])]
            ).SerializeToString()
        asked = pb.ListAuditEventsRequest.FromString(request)
        newest = re.search(r'time <= "1970-01-01T00:00:(\d\d)Z"$', asked.filter)
        stored = [at for at in self._stored[name] if newest is None or at <= int(newest[1])]
        left = [at for at in stored if at < int(asked.page_token or 99)]
        times = left[: asked.page_size]
        return pb.ListAuditEventsResponse(
            audit_events=[
                pb.AuditEvent(service=name, id=f"{9 - at}", time=Timestamp(seconds=at)) for at in times
            ],
            next_page_token=str(times[-1]) if len(left) > len(times) else "",
        ).SerializeToString()


async def test_pages_follow_the_time_whatever_the_ids_say() -> None:
    operations = Operations(Services({"a": [8, 5, 2], "b": [7, 6, 1], "c": []}))  # type: ignore[arg-type]  # two members
    found, token = [], ""
    while True:
        request = pb.ListAuditEventsRequest(page_size=2, page_token=token)
        answer = pb.ListAuditEventsResponse.FromString(
            await operations.call(LIST, request.SerializeToString(), (), None)
        )
        found += [(event.time.seconds, event.service) for event in answer.audit_events]
        token = answer.next_page_token
        if not token:
            break
    assert found == [(8, "a"), (7, "b"), (6, "b"), (5, "a"), (2, "a"), (1, "b")]


async def test_what_comes_while_somebody_turns_the_pages_moves_nothing() -> None:
    stored = {"a": [8, 5, 2], "b": [7, 6, 1]}
    operations = Operations(Services(stored))  # type: ignore[arg-type]  # two members
    found, token = [], ""
    for new in range(20, 29):
        request = pb.ListAuditEventsRequest(page_size=1, page_token=token, filter="category = READ")
        answer = pb.ListAuditEventsResponse.FromString(
            await operations.call(LIST, request.SerializeToString(), (), None)
        )
        found += [event.time.seconds for event in answer.audit_events]
        token = answer.next_page_token
        if not token:
            break
        for times in stored.values():
            times.insert(0, new)
    assert found == [8, 7, 6, 5, 2, 1]


async def test_counts_are_added_and_what_cannot_be_merged_is_refused() -> None:
    operations = Operations(Services({"a": [3, 2], "b": [1]}))  # type: ignore[arg-type]  # two members
    answer = await operations.call(AGGREGATE, b"", (), None)
    [row] = pb.AggregateAuditEventsResponse.FromString(answer).rows
    assert list(row.values) == ["3"]
    request = pb.AggregateAuditEventsRequest(measures=["count()", "distinct(principal)"])
    with pytest.raises(CannotMerge, match="distinct"):
        await operations.call(AGGREGATE, request.SerializeToString(), (), None)


def test_groups_are_joined_by_each_measure() -> None:
    measures = ["count()", "sum(record_count)", "min(record_count)", "max(time)"]
    rows = [
        AggregateRow(keys=["b"], values=["1", "5", "10", "2026-01-02"]),
        AggregateRow(keys=["a"], values=["1", "", "", ""]),
        AggregateRow(keys=["b"], values=["2", "7", "9", "2026-01-03"]),
    ]
    assert [(list(row.keys), list(row.values)) for row in merged(rows, measures)] == [
        (["a"], ["1", "", "", ""]),
        (["b"], ["3", "12", "9", "2026-01-03"]),
    ]
