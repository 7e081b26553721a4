"""What servicers share: the standard methods of a resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_records.mapping import row_of
from taproot_records.reading import Shelf
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)


class ResourceServicer(Servicer, Generic[M]):
    """Reads through a shelf; every change answers with the record as it then is."""

    def __init__(self, runtime: Runtime[Any], shelf: Shelf[M]) -> None:
        super().__init__(runtime.database)
        self.shelf = shelf
        self.lists = Lists(runtime.page_key)

    async def one(self, reader: Reader, key: str) -> M:
        return await self.shelf.get(reader, key)

    async def again(self, reader: Reader, key: str) -> M:
        """What a repeated request answers with: the record as it is by now, be it deleted."""
        return await (
            self.shelf.get(reader, key, deleted=True) if self.shelf.has_bin else self.one(reader, key)
        )

    def answer(self, entity: Any) -> M:
        """The message of a mapped object that was just changed."""
        return self.shelf.message(row_of(entity))

    async def get(self, key: str) -> M:
        return await self.read(lambda reader: self.one(reader, key))

    async def page(self, request: Any, response: type[R], field: str) -> R:
        async def query(reader: Reader) -> R:
            found, token = await self.shelf.page(reader, request, self.lists)
            return response(**{field: found, "next_page_token": token})

        return await self.read(query)

    async def aggregate(self, request: Any, response: type[R]) -> R:
        async def query(reader: Reader) -> R:
            return response(rows=await self.shelf.aggregate(reader, request))

        return await self.read(query)

    async def change(
        self, request: Any, act: Callable[[UnitOfWork], Awaitable[Any]], locks: Sequence[int] = ()
    ) -> M:
        """Run a use case once; it answers with its entity."""

        async def run(work: UnitOfWork) -> M:
            return self.answer(await act(work))

        return await self.once(request, run, self.again, locks=locks)
