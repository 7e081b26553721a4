"""What a pack would change, and the change itself. What an enterprise has added stays as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from taproot_local.api import Client, Json
from taproot_local.packs.reading import Pack

CREATE, UPDATE, SAME = "create", "update", "same"


@dataclass(frozen=True)
class Step:
    """`action`: create, update or same. `changes`: the fields to send."""

    action: str
    collection: str
    name: str
    changes: Json
    id: str = ""

    def line(self) -> str:
        named = f" ({', '.join(sorted(self.changes))})" if self.action == UPDATE else ""
        return f"{self.action:<7} {self.collection} {self.name}{named}"


async def plan(client: Client, pack: Pack) -> list[Step]:
    """In the order they are to be taken: types, their fields, segments over them."""
    types = await _existing(client, "/v1/objectTypes", lambda one: str(one["key"]))
    fields = await _existing(client, "/v1/customFields", lambda one: f"{one['resource_type']}.{one['key']}")
    segments = await _existing(client, "/v1/segments", lambda one: str(one["display_name"]))
    return [
        *_steps("objectTypes", pack.object_types, types),
        *_steps("customFields", pack.fields, fields),
        *_steps("segments", pack.segments, segments),
    ]


async def _existing(client: Client, path: str, name: Any) -> dict[str, Json]:
    return {name(one): one async for one in client.pages(path)}


def _steps(collection: str, wanted: Mapping[str, Json], existing: Mapping[str, Json]) -> list[Step]:
    return [_step(collection, name, body, existing.get(name)) for name, body in wanted.items()]


def _step(collection: str, name: str, body: Json, found: Json | None) -> Step:
    if found is None:
        return Step(CREATE, collection, name, body)
    changes = {key: value for key, value in body.items() if not _is_said(value, found.get(key))}
    return Step(UPDATE if changes else SAME, collection, name, changes, found["id"])


def _is_said(wanted: Any, found: Any) -> bool:
    """Whether what is wanted is there; a list or a map may hold more."""
    if isinstance(wanted, Mapping):
        return all(_is_said(value, (found or {}).get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and all(isinstance(one, Mapping) for one in wanted):
        by_key = {one.get("key"): one for one in found or ()}
        return all(_is_said(one, by_key.get(one.get("key"))) for one in wanted)
    return bool(wanted == found) or (not wanted and not found)


async def apply(client: Client, pack: Pack) -> AsyncIterator[Step]:
    """Yields each step once it is taken."""
    for step in await plan(client, pack):
        path = f"/v1/{step.collection}"
        if step.action == CREATE:
            await client.post(path, step.changes)
        elif step.action == UPDATE:
            await client.patch(f"{path}/{step.id}", step.changes)
        yield step
