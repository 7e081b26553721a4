"""Operations of several services as one list. The services are stood in for by lists with the chassis' paging."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.longrunning.operations_proto_pb2 import Operation
from hypothesis import given
from hypothesis import strategies as st

from taproot.operations.v1 import operations_pb2 as pb
from taproot_gateway.fanning import BadToken
from taproot_gateway.operations import LIST, BadName, Operations


class Lists:
    """`stored`: service -> keys, newest first."""

    def __init__(self, stored: dict[str, list[str]]) -> None:
        self._stored = stored
        self.asked: list[tuple[str, str]] = []

    @property
    def names(self) -> list[str]:
        return sorted(self._stored)

    async def call(self, name: str, path: str, request: bytes, _metadata: Any, _seconds: Any) -> bytes:
        self.asked.append((name, path))
        if path != LIST:
            return b""
        asked = pb.ListOperationsRequest.FromString(request)
        start = int(asked.page_token or 0)
        keys = self._stored[name][start : start + asked.page_size]
        end = start + len(keys)
        return pb.ListOperationsResponse(
            operations=[Operation(name=f"operations/{name}/{key}") for key in keys],
            next_page_token=str(end) if end < len(self._stored[name]) else "",
        ).SerializeToString()


async def pages(operations: Operations, size: int) -> list[str]:
    found: list[str] = []
    token = ""
    for _ in range(200):
        request = pb.ListOperationsRequest(page_size=size, page_token=token)
        raw = await operations.call(LIST, request.SerializeToString(), (), None)
        answer = pb.ListOperationsResponse.FromString(raw)
        assert len(answer.operations) <= size
        found += [operation.name.rpartition("/")[2] for operation in answer.operations]
        token = answer.next_page_token
        if not token:
            return found
    raise AssertionError("the list does not end")


KEYS = st.lists(st.integers(0, 999), unique=True, max_size=40)


@given(KEYS, st.lists(st.sampled_from("abc"), min_size=40, max_size=40), st.integers(1, 7))
def test_pages_hold_everything_once_newest_first(keys: list[int], owners: list[str], size: int) -> None:
    ordered = [f"{key:04d}" for key in sorted(keys, reverse=True)]
    stored: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    for key, owner in zip(ordered, owners, strict=False):
        stored[owner].append(key)
    found = asyncio.run(pages(Operations(Lists(stored)), size))  # type: ignore[arg-type]  # only the two members used
    assert found == ordered


async def test_a_call_goes_to_the_service_of_the_name() -> None:
    lists = Lists({"a": [], "b": []})
    request = pb.CancelOperationRequest(name="operations/b/1").SerializeToString()
    await Operations(lists).call("/x/CancelOperation", request, (), None)  # type: ignore[arg-type]  # as above
    assert lists.asked == [("b", "/x/CancelOperation")]


@pytest.mark.parametrize("name", ["", "operations/z/1", "operations/a", "x/a/1"])
async def test_a_name_without_a_service_is_refused(name: str) -> None:
    request = pb.GetOperationRequest(name=name).SerializeToString()
    with pytest.raises(BadName):
        await Operations(Lists({"a": []})).call("/x/GetOperation", request, (), None)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("token", ["x", "W10=", "WzEse31d", "WzAsIHsiYSI6IFsiIiwgMF19XQ=="])
async def test_a_token_of_somebody_elses_making_is_refused(token: str) -> None:
    request = pb.ListOperationsRequest(page_token=token).SerializeToString()
    operations = Operations(Lists({"a": []}))  # type: ignore[arg-type]  # as above
    if token == "WzEse31d":  # [1,{}]: well-formed, simply at its end
        assert await operations.call(LIST, request, (), None) == b""
        return
    with pytest.raises(BadToken):
        await operations.call(LIST, request, (), None)
