"""The default order of every list is the order of an index, for each part of a caller's reach.

Tables are empty here and say nothing about cost, so PostgreSQL is forbidden to sort and to read whole tables: what
does so still has no index it could use. How long lists take among a million rows is measured by `make bench`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory

from taproot_storage.database import Reader

FORBIDDEN = "; ".join(
    f"SET LOCAL enable_{what} = off" for what in ("seqscan", "sort", "incremental_sort", "bitmapscan")
)
REACHES = ("all", "branch")  # a branch reaches what is owned besides
# Set up by hand, some dozens of rows.
SMALL = {
    "approval_policies", "calendars", "custom_fields", "object_types",
    "price_books", "queues", "sla_policies", "surveys",
}  # fmt: skip
# Reach by sharing: what is shared with a caller is found first, and is little.
SHARED = {"customer_access"}
# Reach by taking part: an index of the members of lists has no order, and finds little.
MEMBERS = "participant_user_ids"


def methods(service: str) -> Iterator[Any]:
    package = importlib.import_module(f"taproot.{service}.v1")
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        if name.endswith("_service_pb2"):
            described = importlib.import_module(f"{package.__name__}.{name}").DESCRIPTOR
            for found in described.services_by_name.values():
                yield from (method for method in found.methods if method.name.startswith("List"))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def wrong(plan: dict[str, Any]) -> list[str]:
    """Sorts of a table's rows, and tables read from end to end."""
    tables = {node.get("Relation Name") for node in nodes(plan)} - {None}
    if tables & (SMALL | SHARED):
        return []
    kinds = ("Sort", "Incremental Sort", "Seq Scan")
    return [
        f"{one['Node Type']} {one.get('Sort Key', '')}"
        for one in nodes(plan)
        if one["Node Type"] in kinds and not found_by_members(one)
    ]


def found_by_members(plan: dict[str, Any]) -> bool:
    """Whether all it reads of tables is of who takes part."""
    leaves = [node for node in nodes(plan) if "Relation Name" in node]
    return all(MEMBERS in str((node.get("Filter"), node.get("Recheck Cond"))) for node in leaves)


@pytest.fixture
def plans(monkeypatch):
    found: list[dict[str, Any]] = []
    fetch = Reader.fetch

    async def explained(self, statement, **values):
        prepared = self._prepare(statement)
        if "_key_0" in prepared.text:  # a page
            async with self.connection.transaction():
                await self.connection.execute(FORBIDDEN)
                text = f"EXPLAIN (FORMAT JSON) {prepared.text}"
                answer = await self.connection.fetchval(text, *prepared.arguments(values))
            found.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])
        return await fetch(self, statement, **values)

    monkeypatch.setattr(Reader, "fetch", explained)
    return found


@pytest.mark.parametrize("name", ["customer", "sales", "servicedesk", "marketing"])
async def test_every_list_reads_in_the_order_of_an_index(start_service, plans, name):
    service = await start_service(name)
    callers = [await service.add_user({"*": reach}, "/hq/7/") for reach in REACHES]
    found, seen = {}, 0
    for method in methods(name):
        for reach, caller in zip(REACHES, callers, strict=True):
            plans.clear()
            await ask(service, method, caller)
            seen += bool(plans)
            if problems := [one for plan in plans for one in wrong(plan)]:
                found[f"{method.name} {reach}"] = problems
    assert not found
    assert seen > 20


async def ask(service: Any, method: Any, caller: Any) -> None:
    """Lists below another record are refused, for there is none: their own tests have one."""
    request = message_factory.GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.name.endswith("_id"):
            setattr(request, field.name, str(uuid.UUID(int=7)))
    call = service._channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    try:
        await call(request, metadata=service.metadata(caller))
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            raise
