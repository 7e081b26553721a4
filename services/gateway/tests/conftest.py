"""The gateway in this process: real PostgreSQL and NATS, the identity service, and both doors."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP

from taproot_gateway.doors import Doors
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.contracts import Contracts
from taproot_gateway.transcoding.routes import Router
from taproot_local.smtp_sink import Mailbox, Receiver
from taproot_testkit import Harness

PASSWORD = "correct-horse-7"


@pytest.fixture(scope="session")
def loaded() -> Contracts:
    return contracts.load()


@pytest.fixture(scope="session")
def router(loaded: Contracts) -> Router:
    return Router(loaded)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Gateway:
    """A running gateway and ways to call it."""

    harness: Harness
    doors: Doors
    admin_token: str = ""

    def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        """REST without a socket between. `token`: sent as Authorization."""
        if token:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=self.doors.app, client=("10.1.2.3", 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://taproot.test", headers=headers)

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.client(self.admin_token)

    @staticmethod
    async def eventually(call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        return await eventually(call)

    async def sign_in(self, user_name: str, password: str) -> str:
        async with self.client() as client:
            answer = await client.post("/v1/sessions", json={"user_name": user_name, "password": password})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token

    async def create(self, path: str, **body: Any) -> dict[str, Any]:
        """As administrator; the roles of a new caller reach the services a moment later."""
        async with self.admin as client:
            answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def role(self, code: str, *grants: tuple[str, str], **body: Any) -> dict[str, Any]:
        pairs = [{"permission": permission, "scope": scope} for permission, scope in grants]
        return await self.create("/v1/roles", code=code, display_name=code, grants=pairs, **body)

    async def user(self, user_name: str, *roles: dict[str, Any], **body: Any) -> tuple[dict[str, Any], str]:
        """A user, and a token of a session after the first password was changed."""
        ids = [role["id"] for role in roles]
        made = await self.create("/v1/users", user_name=user_name, role_ids=ids, **body)
        async with self.admin as client:
            answer = await client.post(f"/v1/users/{made['id']}:setPassword", json={"password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return made, await self.sign_in(user_name, PASSWORD)


async def eventually(call: Callable[[], Awaitable[httpx.Response]], seconds: float = 10.0) -> httpx.Response:
    """Repeats a call while the service says that something has not reached it yet."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await call()
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(start_service: Any) -> AsyncIterator[Gateway]:
    harness: Harness = await start_service(
        "gateway", admin_password=PASSWORD, http_port=free_port(), grpc_door_port=0
    )
    async with Doors(harness.runtime, harness.address) as doors:
        found = Gateway(harness, doors)
        found.admin_token = await found.sign_in("admin", PASSWORD)
        async with found.admin as client:
            answer = await eventually(lambda: client.get("/v1/users"))
            assert answer.status_code == 200, answer.text
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def suite(start_service: Any) -> AsyncIterator[Gateway]:
    """The gateway with the customer service behind it; `marketing` has an address where nobody answers."""
    customer: Harness = await start_service("customer")
    backends = f"customer={customer.address},marketing=127.0.0.1:{free_port()}"
    harness: Harness = await start_service(
        "gateway",
        admin_password=PASSWORD,
        http_port=free_port(),
        grpc_door_port=0,
        backends=backends,
    )
    async with Doors(harness.runtime, harness.address) as doors:
        found = Gateway(harness, doors)
        found.admin_token = await found.sign_in("admin", PASSWORD)
        async with found.admin as client:
            answer = await eventually(lambda: client.get("/v1/customers"))
            assert answer.status_code == 200, answer.text
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def start_gateway(start_service: Any) -> AsyncIterator[Callable[..., Awaitable[Gateway]]]:
    """A gateway with settings of its own; with `beside`, another replica on the same database."""
    async with AsyncExitStack() as stack:

        async def start(beside: Gateway | None = None, **settings: Any) -> Gateway:
            ports = {"http_port": free_port(), "grpc_door_port": free_port()}
            shared = {}
            if beside is not None:
                known = beside.harness.runtime.settings
                shared = {"database_url": known.database_url, "backends": known.backends}
            harness: Harness = await start_service(
                "gateway", admin_password=PASSWORD, **(shared | ports | settings)
            )
            found = Gateway(harness, await stack.enter_async_context(Doors(harness.runtime, harness.address)))
            found.admin_token = await found.sign_in("admin", PASSWORD)
            async with found.admin as client:
                answer = await eventually(lambda: client.get("/v1/users"))
                assert answer.status_code == 200, answer.text
            return found

        yield start


class Inbox:
    """What a real SMTP server on the loopback interface was given."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def to(self, address: str) -> list[dict[str, Any]]:
        """Newest first."""
        found = [self._mailbox.message(key) or {} for key in self._mailbox.ids()]
        return [mail for mail in found if address in mail["envelope_to"]]

    async def arrival(self, address: str, count: int = 1, seconds: float = 15.0) -> dict[str, Any]:
        """The newest mail to an address, once there are `count`."""
        deadline = time.monotonic() + seconds
        while len(found := self.to(address)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} mails"
            await asyncio.sleep(0.05)
        return found[0]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mail_port(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[int, Inbox]]:
    mailbox = Mailbox(tmp_path_factory.mktemp("mails") / "box")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Receiver(mailbox), loop=loop), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], Inbox(mailbox)
    server.close()


@pytest.fixture(scope="module")
def inbox(mail_port: tuple[int, Inbox]) -> Inbox:
    return mail_port[1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def posting(start_service: Any, mail_port: tuple[int, Inbox]) -> AsyncIterator[Gateway]:
    """The gateway with the customer service behind it and a mail server beside it."""
    customer: Harness = await start_service("customer")
    settings = {"smtp_url": f"smtp://127.0.0.1:{mail_port[0]}", "public_url": "https://crm.example.com"}
    harness: Harness = await start_service(
        "gateway",
        admin_password=PASSWORD,
        http_port=free_port(),
        grpc_door_port=0,
        backends=f"customer={customer.address}",
        **settings,
    )
    async with Doors(harness.runtime, harness.address) as doors:
        found = Gateway(harness, doors)
        found.admin_token = await found.sign_in("admin", PASSWORD)
        async with found.admin as client:
            answer = await eventually(lambda: client.get("/v1/customers"))
            assert answer.status_code == 200, answer.text
        yield found
