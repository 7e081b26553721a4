"""Many records in one answer: `GET /v1/customers:batchGet?ids=a,b`, one round trip over a thin link.

Each record is read by the service's own Get, under the caller's rights; those that are not there, or not visible,
are named in `missing`, so that one of them does not cost the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

import grpc
import orjson
from google.protobuf.message import Message

from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.requests import HttpRequest, Invalid
from taproot_gateway.transcoding.routes import Payload, Route
from taproot_gateway.transcoding.selection import Tree

MOST_RECORDS = 100
_AT_ONCE = 8

Call = Callable[[Message], Awaitable[Message]]


async def read_batch(route: Route, query: str, tree: Tree, call: Call) -> Payload:
    """Raises Invalid, and what `call` raises for anything but a record that is not there."""
    ids, rest = _ids(query)
    messages = [route.builder.build(HttpRequest(values={"id": one}, query=rest)) for one in ids]
    room = asyncio.Semaphore(_AT_ONCE)

    async def read(message: Message) -> Message | None:
        async with room:
            try:
                return await call(message)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return None
                raise

    answers = await asyncio.gather(*(read(message) for message in messages))
    found = b",".join(route.encode(answer, tree).body for answer in answers if answer is not None)
    missing = [key for key, answer in zip(ids, answers, strict=True) if answer is None]
    body = b'{"' + route.batch.encode() + b'":[' + found + b'],"missing":' + orjson.dumps(missing) + b"}"
    return Payload(body, "application/json", "")


def batch_cost(query: str) -> int:
    """What a batch counts as, in requests: less than its records one by one, more than one."""
    return 1 + min(query.count(",") + query.count("%2C"), MOST_RECORDS) // 10


def _ids(query: str) -> tuple[list[str], str]:
    """The ids asked for, each once, and the rest of the query."""
    pairs = parse_qsl(query, keep_blank_values=True)
    ids = [part for name, value in pairs if name == "ids" for part in value.split(",") if part]
    unique = list(dict.fromkeys(ids))
    if not 0 < len(unique) <= MOST_RECORDS:
        raise Invalid([Violation("ids", f"must be 1 to {MOST_RECORDS} ids")])
    return unique, urlencode([pair for pair in pairs if pair[0] != "ids"])
