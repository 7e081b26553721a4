"""Lists every service has of its own, merged into one.

A list asks every service for as many as the merged page could take and goes on from where it left each. When
that is inside a service's first page, the page must begin again where it began: what is newer by then is kept
out by a filter for the time of its first item.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from taproot_base.errors import InvalidArgument
from taproot_gateway.backends import Backends, Metadata

DEFAULT_PAGE, MAX_PAGE = 50, 1000


class BadToken(InvalidArgument):
    """The page token was not made here."""

    reason = "INVALID_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__([("page_token", "not a token of this list; start again without one")])


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that can be merged. `items` is the answer's field; `key` puts items in the order of the list.

    `time_field` is what the list is ordered by, and `time` its value as a filter writes it.
    """

    path: str
    request: type[Any]
    response: type[Any]
    items: str
    key: Callable[[Any], Any]
    time_field: str
    time: Callable[[Any], str]


class Fan:
    def __init__(self, backends: Backends, listing: Listing) -> None:
        self._backends = backends
        self._listing = listing

    async def pages(self, raw: bytes, metadata: Metadata, seconds: float | None) -> bytes:
        request = self._listing.request.FromString(raw)
        size, cursors = self._start(request)
        names = sorted(cursors)
        found = await asyncio.gather(
            *(self._read(n, size, cursors[n], request, metadata, seconds) for n in names)
        )
        # The services have checked it: there is one field to order by.
        newest_first = not request.order_by or request.order_by.split()[-1] == "desc"
        merged: bytes = self._merge(size, list(found), newest_first=newest_first).SerializeToString()
        return merged

    def _start(self, request: Any) -> tuple[int, dict[str, _Cursor]]:
        if request.page_token:
            return _read_token(request.page_token, self._backends.names)
        size = min(request.page_size or DEFAULT_PAGE, MAX_PAGE)
        return size, dict.fromkeys(self._backends.names, _START)

    async def _read(
        self,
        name: str,
        size: int,
        cursor: _Cursor,
        request: Any,
        metadata: Metadata,
        seconds: float | None,
    ) -> _Source:
        """As many items as the merged page could take from one service, or all that are left."""
        listing = self._listing
        token, skip, newest = cursor
        source = _Source(name, listing, skip, newest)
        wanted = request.filter
        if newest:
            # OR binds tighter than AND, so the filter needs no parentheses.
            wanted = f"{wanted} AND " * bool(wanted) + f'{listing.time_field} <= "{newest}"'
        while True:
            asked = listing.request(
                page_size=size, page_token=token, filter=wanted, order_by=request.order_by
            )
            answer = await self._backends.call(
                name, listing.path, asked.SerializeToString(), metadata, seconds
            )
            page = listing.response.FromString(answer)
            source.pages.append((token, page))
            token = page.next_page_token
            if not token or len(source.waiting) >= size:
                return source

    def _merge(self, size: int, sources: list[_Source], *, newest_first: bool) -> Any:
        """Each source is in order already, so what is taken of it is always its beginning."""
        streams = [
            [(self._listing.key(item), source.name, item) for item in source.waiting] for source in sources
        ]
        ordered = heapq.merge(*streams, key=lambda one: one[0], reverse=newest_first)
        taken = [one for one, _ in zip(ordered, range(size), strict=False)]
        following: dict[str, _Cursor] = {}
        for source in sources:
            count = sum(1 for _, name, _ in taken if name == source.name)
            cursor = source.after(count, grows=newest_first)
            if cursor is not None:
                following[source.name] = cursor
        token = _write_token(size, following) if following else ""
        items = {self._listing.items: [item for _, _, item in taken]}
        return self._listing.response(next_page_token=token, **items)


_Cursor = tuple[str, int, str]
"""A service's page token, how many of that page were handed out already, and the time nothing may be after."""
_START: _Cursor = ("", 0, "")


@dataclass(slots=True)
class _Source:
    """What was read from one service: pages with the tokens that lead to them."""

    name: str
    listing: Listing
    skip: int
    newest: str
    pages: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def waiting(self) -> list[Any]:
        return [item for _, page in self.pages for item in self._items(page)][self.skip :]

    def _items(self, page: Any) -> Sequence[Any]:
        items: Sequence[Any] = getattr(page, self.listing.items)
        return items

    def after(self, taken: int, *, grows: bool) -> _Cursor | None:
        """Where to go on once `taken` more are handed out; None at the end. `grows`: at the front."""
        used = self.skip + taken
        for token, page in self.pages:
            items = self._items(page)
            if used < len(items):
                begins = grows and not token
                newest = self.newest or (self.listing.time(items[0]) if begins else "")
                return (token, used, newest)
            used -= len(items)
        token = self.pages[-1][1].next_page_token
        return (token, 0, self.newest) if token else None


def _write_token(size: int, cursors: dict[str, _Cursor]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([size, cursors])).decode()


def _read_token(token: str, names: list[str]) -> tuple[int, dict[str, _Cursor]]:
    try:
        size, cursors = orjson.loads(base64.urlsafe_b64decode(token))
        found = {str(name): _cursor(*parts) for name, parts in cursors.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise BadToken from error
    if not isinstance(size, int) or not 0 < size <= MAX_PAGE or not set(found) <= set(names):
        raise BadToken
    return size, found


def _cursor(token: object, used: object, newest: object) -> _Cursor:
    if newest:
        datetime.fromisoformat(str(newest))  # it becomes part of a filter
    return (str(token), int(str(used)), str(newest))
