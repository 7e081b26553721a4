"""Where users and teams belong, judged by this service's own tree (the projection of it lags behind)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from taproot_base.errors import InvalidArgument
from taproot_gateway.branches.queries import find_branches
from taproot_storage.database import Reader
from taproot_storage.visibility import require_placement


async def require_branch(reader: Reader, key: uuid.UUID | None, resource: str, verb: str, field: str) -> str:
    """Path of an open branch the caller may place records in. Raises InvalidArgument, PermissionDenied."""
    paths = await require_branches(reader, [key] if key else [], resource, verb, field)
    if not paths:
        raise InvalidArgument([(field, "is required")])
    return paths[0]


async def require_branches(
    reader: Reader, keys: Sequence[uuid.UUID], resource: str, verb: str, field: str
) -> list[str]:
    found = {row["id"]: row for row in await find_branches(reader, list(keys))}
    missing = [key for key in keys if key not in found or found[key]["closed"]]
    if missing:
        raise InvalidArgument((field, f"{key} is not an open branch") for key in missing)
    for key in keys:
        require_placement(resource, found[key]["path"], verb)
    return [found[key]["path"] for key in keys]
