"""What only the service may set cannot be brought along: each such field of each record, by every create and update."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest_asyncio
from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from taproot_gateway.transcoding import contracts
from taproot_local.api import Client
from taproot_local.suite import Suite

OUTPUT_ONLY = field_behavior_pb2.OUTPUT_ONLY


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def channel(suite: Suite) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(str(suite.state["grpc_address"])) as found:
        yield found


def record_field(method: MethodDescriptor) -> FieldDescriptor | None:
    """The record in the request of a create or update."""
    verb = next((verb for verb in ("Create", "Update") if method.name.startswith(verb)), "")
    answers = method.output_type
    found = [field for field in method.input_type.fields if field.message_type is answers]
    return found[0] if verb and found and not found[0].is_repeated else None


def put(message: Any, field: FieldDescriptor) -> None:
    """Any value but the default."""
    if field.is_repeated:
        if field.message_type is not None:
            getattr(message, field.name).add()
        else:
            getattr(message, field.name).append(_scalar(field))
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, _scalar(field))


def _scalar(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return str(uuid.uuid4())
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"x"
    return True if field.type == FieldDescriptor.TYPE_BOOL else 1


def attempts() -> Iterator[tuple[MethodDescriptor, str, str, Message]]:
    """Method, name of the record, name of the field, request."""
    for service in contracts.load().services():
        for method in service.methods:
            record = record_field(method)
            for field in record.message_type.fields if record is not None else ():
                behavior = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
                if record is None or OUTPUT_ONLY not in behavior or (field.is_repeated and _is_map(field)):
                    continue
                request = message_factory.GetMessageClass(method.input_type)()
                put(getattr(request, record.name), field)
                yield method, record.name, field.name, request


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


async def violations(
    channel: grpc.aio.Channel, method: MethodDescriptor, request: Message, token: str
) -> set[str]:
    """The fields an answer complains of; none when the request was taken."""
    answer = message_factory.GetMessageClass(method.output_type)
    name = f"/{method.containing_service.full_name}/{method.name}"
    send = channel.unary_unary(name, type(request).SerializeToString, answer.FromString)
    try:
        await send(request, metadata=(("authorization", f"Bearer {token}"),), timeout=20)
    except grpc.aio.AioRpcError as error:
        status = rpc_status.from_call(error)
        found = error_details_pb2.BadRequest()
        for detail in status.details if status is not None else ():
            if detail.Unpack(found):
                return {one.field for one in found.field_violations}
    return set()


async def test_what_is_output_only_is_refused_by_name(
    suite: Suite, admin: Client, channel: grpc.aio.Channel
) -> None:
    assert suite
    tried, taken = 0, []
    for method, record, field, request in attempts():
        tried += 1
        named = await violations(channel, method, request, admin.token)
        if f"{record}.{field}" not in named and field not in named:
            taken.append(f"{method.full_name} {field}: {sorted(named)}")
    assert tried > 300
    assert taken == []
