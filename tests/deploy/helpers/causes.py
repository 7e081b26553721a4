"""What makes alerts fire in a running suite. Each is a block: the condition holds inside it and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import nats

from taproot_base.ids import new_id
from taproot_chassis.events import Event
from taproot_local.api import Client
from taproot_local.processes import LOOPBACK, free_port
from taproot_local.suite import Suite
from taproot_storage.idempotency import lock_key

MANY = 10_050
MAILS = 30


@asynccontextmanager
async def owner(suite: Suite, service: str) -> AsyncIterator[Any]:
    """A session of the one who owns a service's database."""
    connection = await asyncpg.connect(suite.state["services"][service]["owner_url"])
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def stopped(suite: Suite, name: str) -> AsyncIterator[None]:
    """A process that is there and does nothing, as on a machine that hangs."""
    process = suite.process(name)
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)


@asynccontextmanager
async def forbidden(suite: Suite, service: str, right: str, table: str) -> AsyncIterator[None]:
    """The service's login may no longer do something: a migration that was forgotten."""
    async with owner(suite, service) as connection:
        await connection.execute(f"REVOKE {right} ON {table} FROM {service}_app")
        try:
            yield
        finally:
            await connection.execute(f"GRANT {right} ON {table} TO {service}_app")


@asynccontextmanager
async def locked(suite: Suite, service: str, table: str) -> AsyncIterator[None]:
    """PostgreSQL held by somebody else's locks, nearly all of the time."""

    async def hold() -> None:
        async with owner(suite, service) as connection:
            while True:
                async with connection.transaction():
                    await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    await asyncio.sleep(1.5)
                await asyncio.sleep(0.3)

    async with meanwhile(hold):
        yield


@asynccontextmanager
async def consumer_held(suite: Suite, service: str, consumer: str) -> AsyncIterator[None]:
    """Somebody holds what an operator holds while a consumer is rebuilt, and does not let go."""
    connection = await asyncpg.connect(suite.state["services"][service]["app_url"])
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", lock_key("consumer", consumer))
        yield
    finally:
        await connection.close()


@asynccontextmanager
async def asked(client: Client, path: str, width: int, pause: float) -> AsyncIterator[None]:
    """`width` callers who ask again and again, whatever the answer."""
    headers = {"Authorization": f"Bearer {client.token}"} if client.token else {}

    async def ask() -> None:
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.http.get(path, headers=headers)
            await asyncio.sleep(pause)

    async with meanwhile(*[ask] * width):
        yield


@asynccontextmanager
async def meanwhile(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for failure in (one for one in results if isinstance(one, Exception)):
            raise failure


async def repeat_an_event(suite: Suite) -> None:
    """Thousands of copies of a branch's last event: each is counted as waiting, and known when it is taken."""
    client = await nats.connect(suite.state["nats_url"])
    try:
        found = await client.jetstream().get_last_msg("IDENTITY", "taproot.identity.branch.>")
        headers = {name: value for name, value in (found.headers or {}).items() if name != "Nats-Msg-Id"}
        for _ in range(MANY):
            await client.publish(found.subject, found.data, headers=headers)
        await client.flush(60)
    finally:
        await client.close()


@asynccontextmanager
async def poisoned(suite: Suite) -> AsyncIterator[None]:
    """An event nobody can read; in the end its letters are thrown away."""
    event = Event(
        id=new_id(), source="marketing", type="suppression.created", aggregate_id=uuid.uuid4(), version=1,
        occurred_at=datetime.now(UTC), actor="system", party_id=None, branch_path=None, owner_id=None,
        traceparent="", payload=b"\xff\xff",
    )  # fmt: skip
    client = await nats.connect(suite.state["nats_url"])
    try:
        await client.jetstream().publish(event.subject, event.payload, headers=event.headers())
        yield
    finally:
        await client.close()
        for service in ("customer", "sales", "servicedesk", "marketing"):
            async with owner(suite, service) as connection:
                await connection.execute("DELETE FROM dead_letters")


@asynccontextmanager
async def mail_server_failing(suite: Suite) -> AsyncIterator[None]:
    """In the mail server's place: every second mail gets a temporary refusal (4xx), of the others nobody knows."""
    address = urlsplit(suite.state["smtp_url"])
    suite.kill("mail")
    count = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        writer.write(b"220 failing\r\n")
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                if line.upper().startswith(b"DATA"):
                    count += 1
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    if count % 2:
                        break
                    writer.write(b"451 not now\r\n")
                else:
                    writer.write(b"250 failing\r\n")
        writer.close()

    server = None
    while server is None:
        try:
            server = await asyncio.start_server(talk, LOOPBACK, address.port)
        except OSError:
            suite.kill("mail")  # it was started again before us
            await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.close()


async def send_mails(admin: Client) -> None:
    content = {"language_code": "en", "subject": "Hello", "text": "Hello"}
    template = {
        "display_name": "Hello",
        "message_class": "MESSAGE_CLASS_TRANSACTIONAL",
        "contents": [content],
    }
    made = await admin.post("/v1/templates", template)
    for number in range(MAILS):
        await admin.post(
            f"/v1/templates/{made['id']}:testSend", {"recipient": f"r{number}@mail{number % 5}.example"}
        )


@contextmanager
def greedy_process() -> Iterator[int]:
    """A process as ours that takes 500 MB and tells its memory as ours do; gives its port."""
    port = free_port()
    program = (
        "import prometheus_client, sys, time; held = b'1' * 500_000_000; "
        f"prometheus_client.start_http_server({port}, addr='{LOOPBACK}'); time.sleep(3600)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], env=dict(os.environ))
    try:
        yield port
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def exporter(text: Callable[[], str]) -> Iterator[int]:
    """What a cluster's exporters publish and no cluster is here to make; gives its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text().encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
            """A scrape a second is not worth a line."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
