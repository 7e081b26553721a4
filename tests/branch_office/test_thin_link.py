"""A branch office works over 256 kbit/s with 300 ms each way and 2 % loss."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from thin_link import ThinLink, thin_link

from taproot_local.api import Client
from taproot_local.suite import Suite

PAGE = "/v1/customers?page_size=50"
ROUNDS = 7


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(admin: Client) -> None:
    for number in range(60):
        body = {
            "kind": "CUSTOMER_KIND_PERSON",
            "given_name": f"Given{number}",
            "family_name": f"Family{uuid.uuid4().hex[:8]}",
            "identifiers": [{"kind": "IDENTIFIER_KIND_EMAIL", "value": f"{uuid.uuid4().hex}@example.com"}],
        }
        await admin.post("/v1/customers", body)


@pytest_asyncio.fixture
async def line(suite: Suite) -> AsyncIterator[tuple[str, ThinLink]]:
    gateway = urlsplit(suite.url)
    assert gateway.hostname is not None
    assert gateway.port is not None
    async with thin_link(gateway.hostname, gateway.port) as made:
        yield made


def office(url: str, admin: Client) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {admin.token}", "accept-encoding": "zstd, br, gzip"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)


async def timed(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[float, httpx.Response]:
    begun = time.perf_counter()
    response = await client.get(PAGE, headers=headers)
    return time.perf_counter() - begun, response


@pytest.mark.usefixtures("customers")
async def test_a_page_of_fifty_comes_in_three_seconds_on_a_new_connection(
    line: tuple[str, ThinLink], admin: Client
) -> None:
    url, link = line
    taken = []
    for _ in range(ROUNDS):
        async with office(url, admin) as client:
            seconds, response = await timed(client, {})
            assert response.status_code == 200
            assert len(response.json()["customers"]) == 50
            assert response.headers["content-encoding"] in {"zstd", "br", "gzip"}
            taken.append(seconds)
    assert statistics.median(taken) < 3, taken
    assert link.lost, "a line without losses would prove less"


@pytest.mark.usefixtures("customers")
async def test_what_has_not_changed_is_known_in_a_second(line: tuple[str, ThinLink], admin: Client) -> None:
    url, _link = line
    async with office(url, admin) as client:
        _, first = await timed(client, {})
        taken = []
        for _ in range(ROUNDS):
            seconds, response = await timed(client, {"if-none-match": first.headers["etag"]})
            assert (response.status_code, response.content) == (304, b"")
            taken.append(seconds)
    assert statistics.median(taken) < 1, taken


async def test_a_create_tried_again_through_cut_connections_happens_once(
    line: tuple[str, ThinLink], admin: Client
) -> None:
    url, link = line
    name, key = f"Harbour {uuid.uuid4().hex}", str(uuid.uuid4())
    body = {"kind": "CUSTOMER_KIND_ORGANIZATION", "display_name": name}
    link.cut_answers = 3
    tries = 0
    async with office(url, admin) as client:
        while True:
            tries += 1
            try:
                response = await client.post("/v1/customers", json=body, headers={"idempotency-key": key})
                break
            except httpx.TransportError:
                assert tries < 10
    assert tries == 4
    assert response.status_code == 200, response.text
    found = [
        one async for one in admin.pages("/v1/customers", "customers", filter=f'display_name = "{name}"')
    ]
    assert [one["id"] for one in found] == [response.json()["id"]]
