"""A receiver of webhooks, and two gateways on one database that send to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest_asyncio

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1.customer_pb2 import Customer
from taproot_base.ids import new_id

NETWORK = "127.0.0.0/8"


@dataclass
class Delivery:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    def signed_by(self, secret: str) -> bool:
        """As a receiver checks it, from the specification."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        assert abs(time.time() - int(self.headers["webhook-timestamp"])) < 60
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """A small HTTP server that answers as it is told to."""

    port: int = 0
    got: list[Delivery] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    usual: bytes = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
    delay: float = 0.0
    busy: Counter[str] = field(default_factory=Counter)
    busiest: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = first.split(" ")[1]
        self.got.append(Delivery(path, headers, body))
        self.busy[path] += 1
        self.busiest = max(self.busiest, self.busy[path])
        await asyncio.sleep(self.delay)
        self.busy[path] -= 1
        writer.write(self.answers.pop(0) if self.answers else self.usual)
        writer.close()

    @staticmethod
    def answer(status: int, *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status} X", "content-length: 0", "connection: close", *headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Delivery]:
        return [one for one in self.got if one.path == path]

    async def until(self, path: str, count: int, seconds: float = 15.0) -> list[Delivery]:
        deadline = time.monotonic() + seconds
        while len(found := self.at(path)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count}"
            await asyncio.sleep(0.02)
        return found


@dataclass
class World:
    one: Any
    two: Any
    receiver: Receiver

    async def endpoint(self, path: str, token: str = "", **body: Any) -> tuple[dict[str, Any], str]:
        async with self.one.client(token or self.one.admin_token) as client:
            made = await client.post(
                "/v1/webhooks", json={"display_name": path, "url": self.receiver.url(path), **body}
            )
        assert made.status_code == 200, made.text
        return made.json()["webhook"], made.json()["secret"]

    async def happen(self, kind: str = "customer.created", branch: str = "/hq/e/", **fields: Any) -> str:
        """An event of the customer service; the id of its record."""
        key = str(new_id())
        message = CustomerEvent(customer=Customer(id=key, **({"display_name": "王芳"} | fields)))
        harness = self.one.harness
        await harness.publish(
            harness.event(kind, message, key, source="customer", party_id=key, branch_path=branch)
        )
        return key

    async def call(self, method: str, path: str, **body: Any) -> Any:
        async with self.one.admin as client:
            found = await client.request(
                method, f"/v1/webhooks{path}", **({"json": body} if method == "POST" else {})
            )
        assert found.status_code == 200, found.text
        return found.json()

    async def until_state(self, hook: dict[str, Any], state: str, seconds: float = 15.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while True:
            found = (await self.call("GET", f"/{hook['id']}/deliveries")).get("deliveries", [])
            if found and found[0]["state"].endswith(state):
                return dict(found[0])
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(start_gateway: Any, mail_port: Any) -> AsyncIterator[World]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    settings = {
        "webhook_allowed_networks": NETWORK,
        "webhook_retry_seconds": 0.05,
        "webhook_attempts": 3,
        "smtp_url": f"smtp://127.0.0.1:{mail_port[0]}",
    }
    one = await start_gateway(**settings)
    two = await start_gateway(one, **settings)
    yield World(one, two, receiver)
    server.close()
