"""Every event there is, each field filled, as an endpoint's owner is sent it whose role masks a class of fields.

Events and fields come from the contracts: a new one is tried without a line here.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import pytest_asyncio
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from taproot_base.auth import Principal, RoleRef
from taproot_base.descriptors import is_map, sensitive_fields
from taproot_gateway.events.catalog import Catalog, Kind
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.output import Encoders
from taproot_gateway.webhooks.rendering import Renderer

CATALOG = Catalog(contracts.load())
CLASSES = ("personal", "contact", "financial", "note")
DEPTH = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBERS = {
    FieldDescriptor.CPPTYPE_DOUBLE: 7.5,
    FieldDescriptor.CPPTYPE_FLOAT: 7.5,
    FieldDescriptor.CPPTYPE_BOOL: True,
}


def fill(message: Any, depth: int = DEPTH) -> None:
    """Every field; of a oneof the last one stays."""
    for field in message.DESCRIPTOR.fields:
        if is_map(field) or (field.message_type is not None and not _deeper(field, depth)):
            continue
        if field.message_type is not None:
            inner = getattr(message, field.name)
            fill(inner.add() if field.is_repeated else inner, depth - 1)
            if not field.is_repeated:
                inner.SetInParent()
        elif field.is_repeated:
            getattr(message, field.name).append(_value(field))
        else:
            setattr(message, field.name, _value(field))


def _deeper(field: FieldDescriptor, depth: int) -> bool:
    name = field.message_type.full_name
    return depth > 0 and name not in {
        "google.protobuf.Struct",
        "google.protobuf.Any",
        "google.protobuf.Value",
    }


def _value(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return str(uuid.uuid4()) if field.name.endswith("id") else "7"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"7"
    return _NUMBERS.get(field.cpp_type, 1)


def shown(message: Any, kind: str) -> Iterator[str]:
    """Each field of that class that has a value, at any depth."""
    wanted = {field.name for field, found in sensitive_fields(message.DESCRIPTOR) if found == kind}
    for field, value in message.ListFields():
        if field.name in wanted:
            yield f"{message.DESCRIPTOR.name}.{field.name}"
        elif field.message_type is not None and not is_map(field):
            for one in value if field.is_repeated else [value]:
                yield from shown(one, kind)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owners(gateway: Any) -> dict[str, Principal]:
    """For each class one who may read everything everywhere but see it; and one who sees it all, by an empty name."""
    found = {}
    for kind in ("", *CLASSES):
        masks = {"masked_classes": [kind.upper()]} if kind else {}
        role = await gateway.role(f"hook_{kind}", ("*", "ALL"), **masks)
        refs = (RoleRef(role["id"], int(role["etag"])),)
        found[kind] = Principal(str(uuid.uuid4()), "user", roles=refs, branch_path="/hq/")
        await until_known(gateway.harness.runtime, role["id"])
    return found


async def until_known(runtime: Any, role: str) -> None:
    async with asyncio.timeout(20):
        while role not in runtime.directory.roles:
            await asyncio.sleep(0.05)
            await runtime.access.refresh()


def sent(gateway: Any, kind: Kind, owner: Principal) -> Message:
    """What an endpoint of the owner is sent of an event with every field, read back."""
    told: Any = kind.message()
    fill(told)
    getattr(told, kind.field).id = key = str(uuid.uuid4())
    row = {
        "event_id": uuid.uuid4(), "source": kind.source, "event_type": f"{kind.aggregate}.updated",
        "resource_id": uuid.UUID(key), "version": 1, "occur_time": NOW, "actor": "system", "party_id": None,
        "branch_path": "/hq/", "owner_id": None, "traceparent": "", "payload": told.SerializeToString(),
    }  # fmt: skip
    body = Renderer(CATALOG, gateway.harness.runtime.directory, Encoders()).body(row, owner, "", NOW)
    assert body is not None
    return json_format.ParseDict(orjson.loads(body)["data"], kind.message())


@pytest.mark.parametrize("kind", CATALOG.kinds.values(), ids=lambda kind: f"{kind.source}.{kind.aggregate}")
def test_an_endpoint_is_never_sent_what_its_owner_s_role_masks(
    gateway: Any, owners: dict[str, Principal], kind: Kind
) -> None:
    for masked in CLASSES:
        assert not list(shown(sent(gateway, kind, owners[masked]), masked)), masked


def test_there_is_much_to_mask(gateway: Any, owners: dict[str, Principal]) -> None:
    """Otherwise showing nothing would prove nothing."""
    found = {
        name
        for kind in CATALOG.kinds.values()
        for each in CLASSES
        for name in shown(sent(gateway, kind, owners[""]), each)
    }
    assert len(found) > 20
