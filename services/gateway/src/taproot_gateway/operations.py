"""Long-running operations: every service has its own; here they look like one list.

A call about one operation goes to the service its name gives. A list asks every service and merges: names
end in UUIDv7 keys, whose order is that of their creation.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import orjson

from taproot.operations.v1 import operations_pb2 as pb
from taproot_base.errors import InvalidArgument, NotFound
from taproot_gateway.backends import Backends, Metadata

SERVICE = "taproot.operations.v1.OperationsService"
LIST = f"/{SERVICE}/ListOperations"
DEFAULT_PAGE, MAX_PAGE = 50, 1000


class BadName(NotFound):
    """The operation's name gives no service of ours."""

    def __init__(self, name: str) -> None:
        super().__init__("operation", name)


class BadToken(InvalidArgument):
    """The page token was not made here."""

    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__([("page_token", "not a token of this list; start again without one")])


class Operations:
    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def call(self, path: str, request: bytes, metadata: Metadata, seconds: float | None) -> bytes:
        if path == LIST:
            listed = await self._list(pb.ListOperationsRequest.FromString(request), metadata, seconds)
            return listed.SerializeToString()
        # Get, Cancel and Wait have the name as their first field.
        name = pb.GetOperationRequest.FromString(request).name
        return await self._backends.call(self._backend(name), path, request, metadata, seconds)

    def _backend(self, name: str) -> str:
        parts = name.split("/")
        if len(parts) != 3 or parts[0] != "operations" or parts[1] not in self._backends.names:
            raise BadName(name)
        return parts[1]

    async def _list(
        self, request: pb.ListOperationsRequest, metadata: Metadata, seconds: float | None
    ) -> pb.ListOperationsResponse:
        size, cursors = self._start(request)
        names = sorted(cursors)
        found = await asyncio.gather(
            *(self._read(n, size, cursors[n], request, metadata, seconds) for n in names)
        )
        # The services have checked it: the time of creation is all there is to order by.
        newest_first = not request.order_by or request.order_by.split()[-1] == "desc"
        return _merge(size, list(found), newest_first=newest_first)

    def _start(self, request: pb.ListOperationsRequest) -> tuple[int, dict[str, _Cursor]]:
        if request.page_token:
            return _read_token(request.page_token, self._backends.names)
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        return size, dict.fromkeys(self._backends.names, ("", 0))

    async def _read(
        self,
        name: str,
        size: int,
        cursor: _Cursor,
        request: pb.ListOperationsRequest,
        metadata: Metadata,
        seconds: float | None,
    ) -> _Source:
        """As many operations as the merged page could take from one service, or all that are left."""
        source = _Source(name, skip=cursor[1])
        token = cursor[0]
        while True:
            asked = pb.ListOperationsRequest(
                page_size=size, page_token=token, filter=request.filter, order_by=request.order_by
            )
            answer = await self._backends.call(name, LIST, asked.SerializeToString(), metadata, seconds)
            page = pb.ListOperationsResponse.FromString(answer)
            source.pages.append((token, page))
            token = page.next_page_token
            if not token or len(source.waiting) >= size:
                return source


_Cursor = tuple[str, int]
"""A service's page token and how many of that page were handed out already."""


@dataclass(slots=True)
class _Source:
    """What was read from one service: pages with the tokens that lead to them."""

    name: str
    skip: int
    pages: list[tuple[str, pb.ListOperationsResponse]] = field(default_factory=list)

    @property
    def waiting(self) -> list[Any]:
        return [operation for _, page in self.pages for operation in page.operations][self.skip :]

    def after(self, taken: int) -> _Cursor | None:
        """Where to go on once `taken` more are handed out; None at the end."""
        used = self.skip + taken
        for token, page in self.pages:
            if used < len(page.operations):
                return (token, used)
            used -= len(page.operations)
        token = self.pages[-1][1].next_page_token
        return (token, 0) if token else None


def _merge(size: int, sources: list[_Source], *, newest_first: bool) -> pb.ListOperationsResponse:
    found = [
        (operation.name.rpartition("/")[2], source.name, operation)
        for source in sources
        for operation in source.waiting
    ]
    found.sort(key=lambda one: one[0], reverse=newest_first)
    taken = found[:size]
    following: dict[str, _Cursor] = {}
    for source in sources:
        cursor = source.after(sum(1 for _, name, _ in taken if name == source.name))
        if cursor is not None:
            following[source.name] = cursor
    token = _write_token(size, following) if following else ""
    return pb.ListOperationsResponse(operations=[one for _, _, one in taken], next_page_token=token)


def _write_token(size: int, cursors: dict[str, _Cursor]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([size, cursors])).decode()


def _read_token(token: str, names: list[str]) -> tuple[int, dict[str, _Cursor]]:
    try:
        size, cursors = orjson.loads(base64.urlsafe_b64decode(token))
        found = {str(name): (str(page), int(used)) for name, (page, used) in cursors.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise BadToken from error
    if not isinstance(size, int) or not 0 < size <= MAX_PAGE or not set(found) <= set(names):
        raise BadToken
    return size, found
