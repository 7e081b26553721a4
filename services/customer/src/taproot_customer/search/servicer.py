"""gRPC of the search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from taproot.customer.v1 import search_service_pb2 as rpc
from taproot_base import wire
from taproot_base.context import current_call
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.search import queries, ranking
from taproot_customer.search.question import Question, ask
from taproot_customer.search.ranking import Asked, Hit
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader

DEFAULT_SIZE, MOST = 10, 50
ALL = (queries.CUSTOMER, queries.CONTACT, queries.ACTIVITY)
_PERSONAL, _CONTACT, _NOTE = "personal", "contact", "note"
_CLASSES = {
    "display_name": _PERSONAL, "given_name": _PERSONAL, "family_name": _PERSONAL, "identifiers": _CONTACT,
    "note": _NOTE, "body": _NOTE, "comment": _NOTE,
}  # fmt: skip
_PLACE = {name: at for at, name in enumerate(ALL)}
Found = tuple[Any, Hit]


class SearchServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._region = runtime.settings.default_region

    async def SearchCustomers(
        self, request: rpc.SearchCustomersRequest, _context: Any
    ) -> rpc.SearchCustomersResponse:
        asked = Asked(request.query, self._region)
        size = min(request.page_size or DEFAULT_SIZE, MOST)
        wanted = [
            wire.enum_name(rpc.SearchResource, each, "SEARCH_RESOURCE_") for each in request.resources
        ] or list(ALL)

        async def query(reader: Reader) -> rpc.SearchCustomersResponse:
            found = await find(reader, asked, _question(request.query, self._region), wanted, size)
            below = {row["customer_id"] for row, _ in found if row["resource"] != queries.CUSTOMER}
            names = await queries.names_of(reader, sorted(below))
            names |= {row["id"]: row["display_name"] for row, _ in found if row["id"] == row["customer_id"]}
            results = [_message(row, hit, names.get(row["customer_id"], "")) for row, hit in found]
            return rpc.SearchCustomersResponse(results=results)

        return await self.read(query)


def _question(text: str, region: str) -> Question:
    """Without what no resource shows the caller; what only one of them hides is left to the ranking."""
    masked = current_call().masked
    return ask(
        text,
        region,
        names=_PERSONAL not in masked,
        identifiers=_CONTACT not in masked,
        notes=_NOTE not in masked,
    )


async def find(
    reader: Reader, asked: Asked, question: Question, wanted: Sequence[str], size: int
) -> list[Found]:
    found = ranked(asked, await queries.find_fitting(reader, question, wanted))
    named = [hit for _, hit in found if hit.match != ranking.TEXT]
    if len(named) < size:
        known = {(row["resource"], row["id"]) for row, _ in found}
        more = await queries.find_slipped(reader, question, wanted)
        found += ranked(asked, [row for row in more if (row["resource"], row["id"]) not in known])
    return _in_order(found)[:size]


def ranked(asked: Asked, rows: Iterable[Any]) -> list[Found]:
    """Rows that fit by a field the caller may read, each once."""
    found: dict[tuple[str, Any], Found] = {}
    for row in rows:
        key = (row["resource"], row["id"])
        if key not in found and (hit := ranking.best(_hits(asked, row))) is not None:
            found[key] = (row, hit)
    return list(found.values())


def _in_order(found: list[Found]) -> list[Found]:
    newest = sorted(found, key=lambda each: each[0]["at"], reverse=True)
    return sorted(newest, key=lambda each: (-round(each[1].score, 3), _PLACE[each[0]["resource"]]))


def _hits(asked: Asked, row: Any) -> Iterator[Hit]:
    resource = row["resource"]
    if resource == queries.ACTIVITY:
        yield from ranking.text_hits(asked, "display_name", row["display_name"], 36.0)
        for field, text in row["custom"].items():
            if _shown(resource, field):
                yield from ranking.text_hits(asked, field, text)
        return
    for field in ("display_name", "given_name", "family_name"):
        if (
            row[field]
            and _shown(resource, field)
            and (field == "display_name" or row[field] != row["display_name"])
        ):
            yield from ranking.name_hits(asked, field, row[field])
    if _shown(resource, "identifiers") and _shown("identifier", "value"):
        yield from ranking.identifier_hits(asked, row["identifiers"])
    if _shown(resource, "note"):
        yield from ranking.text_hits(asked, "note", row["note"])
    yield from _own(asked, resource, row["custom"])


def _own(asked: Asked, resource: str, custom: dict[str, Any]) -> Iterator[Hit]:
    call = current_call()
    rules = call.directory.custom
    if rules is None or f"{resource}.custom" in call.masked:
        return
    hidden = rules.hidden(resource, call.masked)
    for key, value in custom.items():
        if isinstance(value, str) and key not in hidden and rules.tokens(resource, {key: value}):
            yield from ranking.text_hits(asked, f"custom.{key}", value, 32.0)


def _shown(resource: str, field: str) -> bool:
    masked = current_call().masked
    named = _CLASSES.get(field) if (resource, field) != (queries.ACTIVITY, "display_name") else None
    return f"{resource}.{field}" not in masked and (named is None or named not in masked)


def _message(row: Any, hit: Hit, holder: str) -> rpc.SearchResult:
    return rpc.SearchResult(
        resource=wire.enum_number(rpc.SearchResource, row["resource"], "SEARCH_RESOURCE_"),
        id=str(row["id"]),
        customer_id=str(row["customer_id"]),
        display_name=row["display_name"],
        customer_display_name=holder,
        match=wire.enum_number(rpc.SearchMatch, hit.match, "SEARCH_MATCH_"),
        matched_field=hit.field,
        excerpt=hit.excerpt,
        highlights=[rpc.TextRange(start=start, end=end) for start, end in hit.spans],
        score=round(hit.score, 2),
        time=wire.to_timestamp(row["at"]),
    )
