"""Every list and every creation of the REST interface, found in its own description, behaves as all others do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from taproot_local.api import Client
from taproot_local.demo.cast import Cast
from taproot_local.demo.life import LifeResult, play_life

Json = dict[str, Any]
ATTEMPTS = 5
MOST_PAGES = 4
# Where the parent of a nested list is found: the list whose records have that path's variable as their id.
PARENTS = {
    "import_id": "/v1/imports",
    "segment_id": "/v1/segments",
    "customer_id": "/v1/customers",
    "user_id": "/v1/users",
    "account_id": "/v1/loyaltyAccounts",
    "order_id": "/v1/orders",
    "ticket_id": "/v1/tickets",
    "type": "/v1/objectTypes",
}
KEYS = {"type": "key"}  # what such a variable is of its parent, when not the id
# Made by neither a life nor `PREPARED`.
EMPTY = {
    "/v1/customers:pool",
    "/v1/ownershipChanges",
    "/v1/creditLimits",
    "/v1/duplicatePairs",
    "/v1/imports",
    "/v1/insights",
    "/v1/operations",
    "/v1/erasures",
    "/v1/transfers",
    "/v1/relationships",
    "/v1/attachments",
}
# What a life leaves no trace of: path -> records. `{customer}` and `{other}` are customers.
PREPARED: dict[str, list[Json]] = {
    "/v1/apiKeys": [{"display_name": name} for name in "ab"],
    "/v1/webhooks": [{"display_name": name, "url": "https://receiver.invalid/hook"} for name in "ab"],
    "/v1/competitors": [{"display_name": name} for name in "ab"],
    "/v1/suppressions": [{"address": f"{name}@example.com"} for name in "ab"],
    "/v1/campaigns": [{"display_name": name} for name in "ab"],
    "/v1/exports": [{"display_name": name} for name in "ab"],
    "/v1/savedViews": [{"display_name": name, "collection": "customers"} for name in "ab"],
    "/v1/tasks": [{"display_name": name, "customer_id": "{customer}"} for name in "ab"],
    "/v1/activities": [{"kind": "NOTE", "display_name": name, "customer_id": "{customer}"} for name in "ab"],
    "/v1/poolRules": [{"display_name": "a"}],
    "/v1/workPlans": [
        {"period": "DAY", "start_date": {"year": 2027, "month": 3, "day": day}} for day in (1, 2)
    ],
    "/v1/contacts": [{"display_name": name, "customer_id": "{customer}"} for name in "ab"],
    "/v1/objectTypes": [{"key": key} for key in ("walk_a", "walk_b")],
    "/v1/customFields": [{"resource_type": "objects_walk_a", "key": key, "type": "TEXT"} for key in "ab"],
    "/v1/objects/walk_a": [{"display_name": name} for name in "ab"],
}
BY_DEFAULT = {"/v1/exports"}  # nothing said means everything, as CSV
AUDIT = "/v1/auditEvents"
FADING = {"/v1/customerScores": {"score"}}  # shown as of now, stored as of the last event


@dataclass(frozen=True)
class Listed:
    """One list: where it is, the name of its records in the answer, and the schema of one."""

    path: str
    items: str
    schema: Json
    parameters: frozenset[str]


class Walk:
    """The interface as it describes itself, and the administrator's way to it."""

    def __init__(self, http: httpx.AsyncClient, document: Json) -> None:
        self.http = http
        self._document = document
        self.begun = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
        self.lists = [self._list(path, one["get"]) for path, one in document["paths"].items() if _lists(one)]

    def creations(self) -> list[str]:
        paths = self._document["paths"].items()
        return [path for path, one in paths if "_Create" in one.get("post", {}).get("operationId", "")]

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params)

    async def place(self, listed: Listed) -> str:
        """The path with the id of a parent that has records, or of any parent; empty when there is none."""
        if "{" not in listed.path:
            return listed.path
        before, _, rest = listed.path.partition("/{")
        variable, _, after = rest.partition("}")
        parents = (await self.get(PARENTS.get(variable, before))).json()
        found = next(iter(parents.values())) if parents else []
        places = [f"{before}/{one[KEYS.get(variable, 'id')]}{after}" for one in found]
        for place in places:
            if (await self.get(place, page_size=1)).json().get(listed.items):
                return place
        return places[0] if places else ""

    def _list(self, path: str, operation: Json) -> Listed:
        answer = self._resolved(operation["responses"]["200"]["content"]["application/json"]["schema"])
        [(name, items)] = [(n, one) for n, one in answer["properties"].items() if one.get("type") == "array"]
        parameters = frozenset(one["name"] for one in operation["parameters"])
        return Listed(path, name, self._resolved(items["items"]), parameters)

    def _resolved(self, schema: Json) -> Json:
        reference = schema.get("$ref", "")
        found: Json = (
            self._document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema
        )
        return found


def _lists(path: Json) -> bool:
    operation = path.get("get", {}).get("operationId", "")
    return "_List" in operation and "_Listen" not in operation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def life(cast: Cast) -> LifeResult:
    return await play_life(cast, 7001)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walk(admin: Client, life: LifeResult) -> AsyncIterator[Walk]:
    assert life.ids
    headers = {"Authorization": f"Bearer {admin.token}"}
    async with httpx.AsyncClient(base_url=admin.http.base_url, headers=headers, timeout=30) as http:
        await prepare(http, life.ids["customer"])
        yield Walk(http, (await http.get("/openapi.json")).json())


async def prepare(http: httpx.AsyncClient, customer: str) -> None:
    for path, records in PREPARED.items():
        for record in records:
            body = {
                name: value.replace("{customer}", customer) if isinstance(value, str) else value
                for name, value in record.items()
            }
            answer = await http.post(path, json=body)
            assert answer.status_code == 200, f"{path} {answer.text}"


Check = Callable[[Walk, Listed, str], Awaitable[list[str]]]
"""What is wrong with one list that is found at a place."""


async def everywhere(walk: Walk, check: Check) -> str:
    wrong: list[str] = []
    for listed in walk.lists:
        place = await walk.place(listed)
        if place:
            wrong += [f"{listed.path}: {said}" for said in await check(walk, listed, place)]
    return "\n".join(wrong)


def test_every_list_is_paged_filtered_and_ordered(walk: Walk) -> None:
    wanted = {"page_size", "page_token", "filter", "order_by"}
    lacking = {one.path for one in walk.lists if not wanted <= one.parameters}
    assert not lacking


async def test_the_walk_sees_all_lists_and_most_of_them_have_records(walk: Walk) -> None:
    assert len(walk.lists) > 55
    without = set()
    for listed in walk.lists:
        place = await walk.place(listed)
        if not place or not (await walk.get(place, page_size=1)).json().get(listed.items):
            without.add(listed.path)
    assert {path for path in without if "{" not in path} <= EMPTY


async def test_pages_follow_each_other(walk: Walk) -> None:
    async def check(walk: Walk, listed: Listed, place: str) -> list[str]:
        for _ in range(ATTEMPTS):
            before = await whole(walk, listed, place)
            pages = await page_by_page(walk, listed, place)
            if before == await whole(walk, listed, place):
                break  # jobs write to the audit while it is read
        return [] if pages == before else [f"by pages {_ids(pages)}, at once {_ids(before)}"]

    assert await everywhere(walk, check) == ""


async def whole(walk: Walk, listed: Listed, place: str) -> list[Json]:
    answer = (await walk.get(place, page_size=MOST_PAGES)).json()
    found: list[Json] = answer.get(listed.items, [])
    return found


async def page_by_page(walk: Walk, listed: Listed, place: str) -> list[Json]:
    pages: list[Json] = []
    token = ""
    for _ in range(MOST_PAGES):
        answer = await walk.get(place, page_size=1, page_token=token)
        assert answer.status_code == 200, f"page {len(pages)}: {answer.text}"
        pages += answer.json().get(listed.items, [])
        token = answer.json().get("next_page_token", "")
        if not token:
            break
    return pages


async def test_what_cannot_be_asked_is_refused_by_name(walk: Walk) -> None:
    bad = {"filter": ("nope = 1", 'id = "'), "order_by": ("nope", "id sideways"), "page_token": ("x", "é")}

    async def check(walk: Walk, listed: Listed, place: str) -> list[str]:
        wrong = []
        for name, values in ({"page_size": ("-1", "x")} | bad).items():
            for value in values:
                answer = await walk.get(place, **{name: value})
                fields = [one["field"] for one in answer.json().get("violations", [])]
                if (answer.status_code, fields) != (400, [name]):
                    wrong.append(f"{name}={value}: {answer.status_code} {answer.text}")
        return wrong

    assert await everywhere(walk, check) == ""


async def test_all_that_is_wrong_with_a_list_request_is_told_at_once(walk: Walk) -> None:
    async def check(walk: Walk, listed: Listed, place: str) -> list[str]:
        answer = await walk.get(place, filter="nope = 1", order_by="nope")
        fields = {one["field"] for one in answer.json().get("violations", [])}
        return [] if fields == {"filter", "order_by"} else [answer.text]

    assert await everywhere(walk, check) == ""


async def test_a_filter_with_the_value_of_a_record_finds_it(walk: Walk) -> None:
    """Every field of every record, by its own value: found, or refused as no field to filter by."""

    async def check(walk: Walk, listed: Listed, place: str) -> list[str]:
        records = (await walk.get(place, page_size=1)).json().get(listed.items, [])
        wrong, served = [], 0
        fading = FADING.get(listed.path, set())
        for name, value in _plain(records[0] if records else {}, fading):
            answer = await walk.get(place, filter=f"{name} = {_literal(value)}")
            if answer.status_code == 200:
                served += 1
                if records[0] not in answer.json().get(listed.items, []):
                    wrong.append(f"{name} = {value}: not found")
            elif not _refused(answer, "filter"):
                wrong.append(f"{name} = {value}: {answer.status_code} {answer.text}")
        return wrong if served or not records else ["no field of its records can be filtered by"]

    assert await everywhere(walk, check) == ""


async def test_a_list_is_ordered_both_ways_by_each_of_its_fields(walk: Walk) -> None:
    async def check(walk: Walk, listed: Listed, place: str) -> list[str]:
        wrong, served = [], 0
        for name in {*listed.schema.get("properties", {}), "create_time"}:
            # What others do meanwhile must not stand in one answer alone; the audit grows by each of these reads.
            until = {"filter": f'time < "{walk.begun}"'} if place == AUDIT else {}
            up, down = [
                await walk.get(place, order_by=f"{name}{way}", page_size=1000, **until)
                for way in ("", " desc")
            ]
            if up.status_code == down.status_code == 200:
                served += 1
                wrong += [f"{name}: other records"] if _set(up, listed) != _set(down, listed) else []
            elif not (_refused(up, "order_by") and _refused(down, "order_by")):
                wrong.append(f"{name}: {up.status_code} {up.text} {down.status_code} {down.text}")
        return wrong if served else ["no field can be ordered by"]

    assert await everywhere(walk, check) == ""


@pytest.mark.parametrize("body", [None, b"{}"])
async def test_creating_out_of_nothing_is_refused_and_leaves_nothing(walk: Walk, body: bytes | None) -> None:
    wrong = []
    creations = walk.creations()
    assert len(creations) > 35
    for path in set(creations) - BY_DEFAULT:
        before = await _known(walk, path)
        answer = await walk.http.post(path, content=body, headers={"Content-Type": "application/json"})
        if answer.status_code != 400 or not answer.json().get("violations"):
            wrong.append(f"{path}: {answer.status_code} {answer.text}")
        if await _known(walk, path) != before:
            wrong.append(f"{path}: something was made")
    assert wrong == []


async def _known(walk: Walk, path: str) -> set[str]:
    listed = next((one for one in walk.lists if one.path == path), None)
    if listed is None:
        return set()
    return {str(one.get("id")) for one in (await walk.get(path, page_size=1000)).json().get(listed.items, [])}


def _refused(answer: httpx.Response, field: str) -> bool:
    found = [one["field"] for one in answer.json().get("violations", [])]
    return answer.status_code == 400 and found == [field]


def _plain(record: Json, without: set[str]) -> list[tuple[str, Any]]:
    plain = [(name, value) for name, value in record.items() if isinstance(value, str | int | float)]
    return [(name, value) for name, value in plain if name not in without]


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower()


def _set(answer: httpx.Response, listed: Listed) -> set[str]:
    return {str(one) for one in answer.json().get(listed.items, [])}


def _ids(records: list[Json]) -> list[str]:
    return [str(one.get("id", one)) for one in records]
