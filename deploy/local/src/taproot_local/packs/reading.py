"""A pack as a file says it: names of things and their values, no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from taproot_local.errors import LocalError

FILES = Path(__file__).parent / "files"
_SECTIONS = frozenset({"name", "about", "object_types", "fields", "segments"})


@dataclass(frozen=True)
class Pack:
    """`object_types` by key, `fields` by `type.key`, `segments` by name: bodies as the API takes them."""

    name: str
    about: str
    object_types: Mapping[str, dict[str, Any]]
    fields: Mapping[str, dict[str, Any]]
    segments: Mapping[str, dict[str, Any]]


def names() -> Sequence[str]:
    return sorted(path.stem for path in FILES.glob("*.yaml"))


@cache
def read(name: str) -> Pack:
    path = FILES / f"{name}.yaml"
    if name not in names():
        raise LocalError(f"There is no pack {name}. There are {', '.join(names())}.")
    said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if unknown := said.keys() - _SECTIONS:
        raise LocalError(f"{path.name} has sections nobody knows: {', '.join(sorted(unknown))}")
    types = {key: {"key": key} | body for key, body in (said.get("object_types") or {}).items()}
    return Pack(said["name"], said["about"], types, _fields(said), _segments(said))


def _fields(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for resource, fields in (said.get("fields") or {}).items():
        for position, (key, body) in enumerate(fields.items(), 1):
            stated = {"resource_type": resource, "key": key, "position": position * 10} | body
            stated["type"] = f"CUSTOM_FIELD_TYPE_{str(body['type']).upper()}"
            stated["options"] = [
                {"key": one, "labels": labels} for one, labels in body.get("options", {}).items()
            ]
            found[f"{resource}.{key}"] = stated
    return found


def _segments(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"display_name": name, "kind": "SEGMENT_KIND_DYNAMIC"} | body
        for name, body in (said.get("segments") or {}).items()
    }
