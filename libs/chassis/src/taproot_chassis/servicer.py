"""What every servicer does around its handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from taproot_base.context import about
from taproot_storage import idempotency
from taproot_storage.database import Database, Reader, UnitOfWork

M = TypeVar("M", bound=Message)


class Servicer:
    """Base of the gRPC servicers: `read` for queries, `once` for everything that changes data."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def read(self, query: Callable[[Reader], Awaitable[M]]) -> M:
        async with self.database.reading() as reader:
            return await query(reader)

    async def once(
        self,
        request: Message,
        act: Callable[[UnitOfWork], Awaitable[M]],
        again: Callable[[Reader, str], Awaitable[M]],
        *,
        locks: Sequence[int] = (),
        result_id: Callable[[M], str] | None = None,
        known_id: str = "",
    ) -> M:
        """Run `act` in one transaction, once per request_id; a repeat answers `again(reader, id)`.

        The id of the result is its field `id` unless `result_id` says where it is; `known_id` gives it
        before the act, which saves a statement.
        `validate_only` requests are rolled back after all checks.
        """
        async with self.database.unit(locks) as work:
            earlier = await idempotency.claim(request, work, known_id)
            if earlier is not None:
                return await again(work, earlier)
            response = await act(work)
            await work.flush()
            if getattr(request, "validate_only", False):
                await work.abandon()
                return response
            made = known_id or _id_of(response, result_id)
            about(*made.split(","))  # a batch names all its results
            if not known_id:
                await idempotency.finish(request, made, work)
        return response


def _id_of(response: Any, read: Callable[[Any], str] | None) -> str:
    return read(response) if read is not None else str(response.id)
