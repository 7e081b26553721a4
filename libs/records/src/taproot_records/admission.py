"""May the caller refer to a record of another service? Whoever does not see it must not learn of it that way either."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from taproot_base.context import current_call
from taproot_base.errors import AppError, Kind
from taproot_chassis.placement import branch_path
from taproot_records.references import References
from taproot_storage.database import Database, Reader

Ask = Callable[[uuid.UUID], Awaitable[Any]]


class Admission:
    """Decides by owner and branch as the projection knows them, with `permission` of the other service.

    What that does not reach may have been shared with the caller, which only the record's own service knows:
    `prepare` asks it with the caller's own token, before any transaction.
    """

    def __init__(self, references: References[Any], permission: str) -> None:
        self._references = references
        self._permission = permission

    async def prepare(self, ids: Iterable[str], database: Database, ask: Ask) -> None:
        """`ask` reads the record at its service; NOT_FOUND or PERMISSION_DENIED there is a no."""
        call = current_call()
        if call.token is None or call.principal.kind != "user":
            return
        keys = {uuid.UUID(text) for text in ids if text}
        async with database.reading() as reader:
            hidden = [key for key in keys if await self.hides(key, reader)]
        for key in hidden:
            if await _shown(ask, key):
                call.admitted.add(str(key))

    async def hides(self, key: uuid.UUID, reader: Reader) -> bool:
        """Whether the record is known here and not the caller's to see. A merged one is seen as its survivor."""
        call = current_call()
        if call.principal.kind == "service" or str(key) in call.admitted:
            return False
        if call.principal.kind == "portal":
            return str(call.principal.party_id) not in map(str, await self._references.keys(reader, key))
        row = await self._references.find(reader, key)
        return row is not None and not self._reached(row)

    def _reached(self, row: Any) -> bool:
        call = current_call()
        reach = call.directory.reach(call.principal, self._permission)
        if reach is None:
            return False
        path = branch_path(row["branch_id"]) if row["branch_id"] else ""
        return reach.everything or str(row["owner_id"]) == reach.owner_id or reach.covers_path(path)


async def _shown(ask: Ask, key: uuid.UUID) -> bool:
    try:
        await ask(key)
    except AppError as error:
        if error.kind in {Kind.NOT_FOUND, Kind.DENIED}:
            return False
        raise
    return True
