"""`GET /v1/customers?view=<id>`: a list with the filter and the order of a saved view.

The view only completes the request; the service then answers it under the caller's own rights and masks. A filter
of the request narrows the view's, an order of the request takes the place of the view's.
"""

from __future__ import annotations

import uuid
from urllib.parse import parse_qsl, urlencode

from taproot_base.auth import Principal
from taproot_base.errors import NotFound, PermissionDenied
from taproot_gateway.saved_views import queries
from taproot_gateway.saved_views.lists import collections
from taproot_gateway.saved_views.model import Viewer
from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.requests import Invalid
from taproot_gateway.transcoding.routes import Route
from taproot_storage.database import Database

PARAMETER = "view"


class Views:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def applied(self, route: Route, query: str, principal: Principal) -> str:
        """The query with what the view it names says. Raises Invalid."""
        fields = route.method.input_type.fields_by_name
        if f"{PARAMETER}=" not in query or not _filtered(route):
            return query
        pairs = parse_qsl(query, keep_blank_values=True)
        asked = [value for name, value in pairs if name == PARAMETER]
        given = dict(pairs)
        if not asked:
            return query
        row = await self._find(asked, principal)
        if row["collection"] != _collection(route):
            raise Invalid([Violation(PARAMETER, f"is a view of {row['collection']}")])
        both = [f"({text})" for text in (row["filter"], given.get("filter", "")) if text.strip()]
        said = {"filter": " AND ".join(both)}
        if "order_by" in fields:
            said["order_by"] = given.get("order_by", "") or row["order_by"]
        kept = [pair for pair in pairs if pair[0] not in (PARAMETER, *said)]
        return urlencode([*kept, *((name, value) for name, value in said.items() if value)])

    async def _find(self, asked: list[str], principal: Principal) -> dict[str, str]:
        try:
            (text,) = asked
            key = uuid.UUID(text)
            async with self._database.reading() as reader:
                return dict(await queries.get_view(reader, Viewer.of(principal), key))
        except (ValueError, NotFound, PermissionDenied) as error:
            raise Invalid([Violation(PARAMETER, "is not a view you can see")]) from error


def takes_view(route: Route) -> bool:
    """Whether there can be a view that the reading route accepts."""
    return route.http_method == "GET" and _filtered(route) and _collection(route) in collections()


def _filtered(route: Route) -> bool:
    fields = route.method.input_type.fields_by_name
    return "filter" in fields and PARAMETER not in fields


def _collection(route: Route) -> str:
    return route.template.text.removeprefix("/v1/").partition(":")[0]
