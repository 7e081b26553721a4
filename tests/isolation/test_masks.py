"""Whoever's role masks a class of fields gets none of them from any reading there is, nor can ask by them.

Fields, their classes and the methods come from the contracts: a new sensitive field is tried without a line here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from callers import GrpcDoor, hire
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from requests_of_others import Sampler

from taproot_base.descriptors import READING, is_map, sensitive_fields
from taproot_gateway.transcoding import contracts
from taproot_local.api import Client
from taproot_local.demo.cast import Cast
from taproot_local.demo.life import LifeResult, play_life
from taproot_local.suite import Suite

CLASSES = ("personal", "contact", "financial", "note")
# Who asks is told the truth of the own account, whatever the role masks of others.
OWN = {"taproot.identity.v1.SessionsService.GetCurrentSession"}
_METHODS = [
    method
    for service in contracts.load().services()
    for method in service.methods
    if method.name.startswith(READING) and not method.server_streaming
]
LISTS = [method for method in _METHODS if "filter" in method.input_type.fields_by_name]


def shown(message: Any, kind: str) -> Iterator[str]:
    """`Message.field` of each field of that class that has a value, at any depth."""
    wanted = {field.name for field, found in sensitive_fields(message.DESCRIPTOR) if found == kind}
    for field, value in message.ListFields():
        if field.name in wanted:
            yield f"{message.DESCRIPTOR.name}.{field.name}"
        elif field.message_type is not None and not is_map(field):
            for one in value if field.is_repeated else [value]:
                yield from shown(one, kind)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def life(cast: Cast) -> LifeResult:
    return await play_life(cast, 9101)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(suite: Suite) -> AsyncIterator[GrpcDoor]:
    found = GrpcDoor(str(suite.state["grpc_address"]))
    yield found
    await found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def masked(admin: Client, cast: Cast) -> dict[str, Client]:
    """For each class somebody who may do everything everywhere but see it."""
    assert cast
    return {
        kind: await hire(admin, f"masked_{kind}", "sh", {"*": "ALL"}, masked_classes=[kind.upper()])
        for kind in CLASSES
    }


@pytest.fixture(scope="module")
def sampler(life: LifeResult) -> Sampler:
    ids = {one["resource"]: one["resource_id"] for one in life.timeline} | life.ids
    return Sampler(ids, {"phone": life.phone, "email": life.email, "query": life.name, "address": life.email})


async def read_all(
    door: GrpcDoor, token: str, sampler: Sampler
) -> AsyncIterator[tuple[str, Message, Message]]:
    """Method, request and answer of every reading that succeeds."""
    for method in _METHODS:
        if method.full_name in OWN:
            continue
        for request in sampler.requests(method):
            code, answer = await door.call(method, request, token)
            if code == "OK":
                yield method.full_name, request, answer


@pytest.mark.parametrize("kind", CLASSES)
async def test_no_reading_shows_what_a_role_masks(
    kind: str, door: GrpcDoor, admin: Client, masked: dict[str, Client], sampler: Sampler
) -> None:
    told = {
        field async for _, _, answer in read_all(door, admin.token, sampler) for field in shown(answer, kind)
    }
    assert len(told) >= 3, f"the life shows too little of {kind}: {told}"
    leaks, answers = set(), 0
    async for name, _, answer in read_all(door, masked[kind].token, sampler):
        answers += 1
        leaks |= {f"{name}: {field}" for field in shown(answer, kind)}
    assert answers > 100
    assert leaks == set()


async def test_nor_does_its_value_stand_in_any_other_field(
    door: GrpcDoor, masked: dict[str, Client], sampler: Sampler, life: LifeResult
) -> None:
    """The customer's telephone and address, whatever field they would be in: a title, a reason, a JSON text."""
    values = {life.email, life.phone, life.phone.removeprefix("+86")}
    leaks = set()
    async for name, request, answer in read_all(door, masked["contact"].token, sampler):
        asked, said = (json_format.MessageToJson(one, ensure_ascii=False) for one in (request, answer))
        leaks |= {f"{name}: {value}" for value in values if value in said and value not in asked}
    assert leaks == set()


def record_of(method: MethodDescriptor) -> Descriptor | None:
    """What is listed or aggregated."""
    service = method.containing_service
    listing = next((one for one in service.methods if one.name.startswith("List")), None)
    found = [] if listing is None else [f.message_type for f in listing.output_type.fields if f.is_repeated]
    return found[0] if found else None


def questions(method: MethodDescriptor, field: str) -> Iterator[Message]:
    """All ways to ask by a field."""
    kind = message_factory.GetMessageClass(method.input_type)
    names = method.input_type.fields_by_name
    for text in (f'{field} = "x"', f"{field} > 1", f'{field}:"x"', f"NOT {field} = 2"):
        yield kind(filter=text)
    if "order_by" in names:
        yield kind(order_by=f"{field} desc")
    if "group_by" in names:
        yield kind(group_by=[field], measures=["count()"])
        yield from (kind(measures=[f"{measure}({field})"]) for measure in ("sum", "min", "distinct"))


async def test_nothing_can_be_asked_by_a_masked_field(
    door: GrpcDoor, admin: Client, masked: dict[str, Client]
) -> None:
    allowed, wrong = set(), []
    for method in LISTS:
        record = record_of(method)
        for field, kind in sensitive_fields(record) if record is not None else ():
            if kind not in CLASSES:
                continue
            for question in questions(method, field.name):
                if (await door.call(method, question, admin.token))[0] != "OK":
                    continue  # nobody can ask so
                allowed.add(f"{method.full_name} {field.name}")
                code, _ = await door.call(method, question, masked[kind].token)
                if code != "INVALID_ARGUMENT":
                    wrong.append(f"{method.full_name} {json_format.MessageToJson(question)}: {code}")
    assert len(allowed) > 10
    assert wrong == []
