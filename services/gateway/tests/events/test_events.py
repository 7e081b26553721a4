"""Live events over real sockets, from two gateways before one customer service."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from taproot_gateway.doors import Doors
from taproot_gateway.events import feeds, listener, streams
from taproot_gateway.http.exchange import Request
from taproot_gateway.sessions.model import sessions

PASSWORD = "correct-horse-7"


@dataclass
class Stream:
    """What a client was told, as an EventSource would see it."""

    notices: list[dict[str, Any]] = field(default_factory=list)
    special: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    last_id: str = ""
    beats: int = 0
    ended: bool = False
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, frame: str) -> None:
        lines = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        self.beats += frame.startswith(":")
        self.last_id = lines.get("id", self.last_id)
        if "data" in lines:
            data = json.loads(lines["data"])
            if "event" in lines:
                self.special.append((lines["event"], data))
            else:
                self.notices.append(data)
        self.opened.set()

    async def until(self, count: int, seconds: float = 20.0) -> list[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        while len(self.notices) < count:
            assert time.monotonic() < deadline, f"{len(self.notices)} of {count}: {self.notices[-3:]}"
            await asyncio.sleep(0.02)
        return self.notices

    async def end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.ended:
            assert time.monotonic() < deadline, "the stream is still open"
            await asyncio.sleep(0.02)


@dataclass
class Pair:
    suite: Any
    urls: list[str]
    token: str

    @asynccontextmanager
    async def listen(
        self, which: int = 0, *, token: str = "", last_id: str = "", **params: str
    ) -> AsyncIterator[Stream]:
        headers = {"authorization": f"Bearer {token or self.token}"} | (
            {"last-event-id": last_id} if last_id else {}
        )
        found = Stream()

        async def read() -> None:
            async with (
                httpx.AsyncClient(timeout=30, headers=headers) as client,
                client.stream("GET", f"{self.urls[which]}/v1/events", params=params) as answer,
            ):
                assert answer.status_code == 200, await answer.aread()
                assert answer.headers["content-type"] == "text/event-stream"
                rest = ""
                async for text in answer.aiter_text():
                    *frames, rest = (rest + text).split("\n\n")
                    for frame in frames:
                        found.take(frame)
            found.ended = True

        task = asyncio.create_task(read())
        try:
            await asyncio.wait(
                {task, asyncio.ensure_future(found.opened.wait())}, timeout=5, return_when="FIRST_COMPLETED"
            )
            if task.done() and not found.opened.is_set():
                task.result()
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def customer(self, name: str, **body: Any) -> str:
        made = await self.suite.create("/v1/customers", kind="PERSON", display_name=name, **body)
        return str(made["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(suite: Any, unused_tcp_port_factory: Any) -> AsyncIterator[Pair]:
    runtime = suite.harness.runtime
    ports = {"http_port": unused_tcp_port_factory(), "grpc_door_port": unused_tcp_port_factory()}
    second = replace(runtime, settings=runtime.settings.model_copy(update=ports))
    async with Doors(second, suite.harness.address):
        urls = [f"http://127.0.0.1:{port}" for port in (runtime.settings.http_port, ports["http_port"])]
        yield Pair(suite, urls, suite.admin_token)


class TestOpening:
    @pytest.mark.parametrize(
        ("query", "status", "field"),
        [
            ("types=nope.*", 400, "types"),
            ("types=customer", 400, "types"),
            ("resource=nopes", 400, "resource"),
            ("resource=customers/x", 400, "resource"),
            ("customer_id=x", 400, "customer_id"),
            ("nope=1", 400, "nope"),
        ],
    )
    async def test_what_cannot_be_asked_is_told(
        self, pair: Pair, query: str, status: int, field: str
    ) -> None:
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {pair.token}"}) as client:
            answer = await client.get(f"{pair.urls[0]}/v1/events?{query}")
        assert answer.status_code == status
        assert [one["field"] for one in answer.json()["violations"]] == [field]

    async def test_nobody_and_strange_positions_are_refused(self, pair: Pair) -> None:
        async with httpx.AsyncClient() as client:
            nobody = await client.get(f"{pair.urls[0]}/v1/events")
            client.headers["authorization"] = f"Bearer {pair.token}"
            strange = await client.get(f"{pair.urls[0]}/v1/events", headers={"last-event-id": "42"})
            post = await client.post(f"{pair.urls[0]}/v1/events")
        assert (nobody.status_code, nobody.json()["reason"]) == (401, "CREDENTIALS_MISSING")
        assert (strange.status_code, strange.json()["reason"]) == (400, "BAD_LAST_EVENT_ID")
        assert post.status_code == 405

    async def test_a_user_has_so_many_streams(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pair.suite.doors.streams, "_most", 1)
        async with pair.listen(), httpx.AsyncClient() as client:
            client.headers["authorization"] = f"Bearer {pair.token}"
            answer = await client.get(f"{pair.urls[0]}/v1/events")
        assert (answer.status_code, answer.json()["reason"]) == (429, "TOO_MANY_STREAMS")


async def test_without_the_streams_listeners_are_told_to_come_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_OPEN_SECONDS", 0.2)
    fresh = feeds.Feeds(pair.suite.harness.runtime.bus, pair.suite.doors.streams._catalog)

    async def silent(_feed: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(feeds.Feed, "_find_end", silent)
    monkeypatch.setattr(pair.suite.doors.streams, "_feeds", fresh)
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {pair.token}"}) as client:
        answer = await client.get(f"{pair.urls[0]}/v1/events")
    await fresh.close()
    assert (answer.status_code, answer.json()["reason"]) == (503, "UNAVAILABLE")


class TestNotices:
    async def test_a_change_is_told_at_once_and_only_that_it_is(self, pair: Pair) -> None:
        async with pair.listen(0) as one, pair.listen(1) as two:
            key = await pair.customer("李雷", identifiers=[{"kind": "EMAIL", "value": "l@example.com"}])
            started = time.monotonic()
            for stream in (one, two):
                told = await stream.until(1)
                assert told == [
                    {"resource": "customers", "id": key, "event": "customer.created", "etag": "1"}
                ]
            assert time.monotonic() - started < 2

    async def test_only_what_is_asked_for(self, pair: Pair) -> None:
        other = await pair.customer("other")
        async with (
            pair.listen(types="customer.updated") as updates,
            pair.listen(resource=f"customers/{other}") as record,
            pair.listen(customer_id=other) as life,
            pair.listen(resource="teams") as teams,
            pair.listen() as everything,
        ):
            first = await pair.customer("first")
            async with pair.suite.admin as client:
                for key in (first, other):
                    await client.patch(f"/v1/customers/{key}", json={"note": "n"})
            await pair.suite.create("/v1/teams", display_name="t")
            await everything.until(4)
            await teams.until(1)
            assert [told["event"] for told in teams.notices] == ["team.created"]
            assert [told["id"] for told in updates.notices] == [first, other]
            assert [told["id"] for told in record.notices] == [other]
            assert [told["id"] for told in life.notices] == [other]

    async def test_everybody_is_told_of_what_they_may_read_and_of_nothing_else(self, pair: Pair) -> None:
        suite = pair.suite
        async with suite.admin as client:
            [root] = (await client.get("/v1/branches", params={"filter": 'code = "hq"'})).json()["branches"]
        east = await suite.create("/v1/branches", code="ev1", display_name="E", parent_id=root["id"])
        west = await suite.create("/v1/branches", code="ev2", display_name="W", parent_id=root["id"])
        role = await suite.role("ev_branch", ("customers.read", "BRANCH"))
        none = await suite.role("ev_none", ("tickets.read", "ALL"))
        _, eastern = await suite.user("ev-east", role, branch_id=east["id"])
        _, blind = await suite.user("ev-blind", none, branch_id=east["id"])
        async with (
            pair.listen(1, token=eastern) as seen,
            pair.listen(0, token=blind) as unseen,
            pair.listen() as all_,
        ):
            theirs = await eventually_made(pair, "west", west["id"])
            ours = await eventually_made(pair, "east", east["id"])
            await all_.until(2)
            await seen.until(1)
        assert [told["id"] for told in seen.notices] == [ours]
        assert theirs != ours
        assert unseen.notices == []

    async def test_a_share_is_heard_while_it_holds(self, pair: Pair) -> None:
        role = await pair.suite.role("ev_shared", ("customers.read", "OWN"))
        user, token = await pair.suite.user("ev-shared", role)
        customer = await pair.customer("to be shared")
        async with pair.listen(1, token=token) as stream, pair.listen() as all_:
            path = f"/v1/customers/{customer}"
            shared = await eventually_answered(pair, "POST", f"{path}:share", user_id=user["id"])
            await eventually_answered(pair, "PATCH", path, note="while it holds")
            await stream.until(2)
            await eventually_answered(pair, "POST", f"{path}:unshare", share_id=shared["id"])
            await eventually_answered(pair, "PATCH", path, note="afterwards")
            await all_.until(4)
        assert [told["event"] for told in stream.notices] == ["customer.shared", "customer.updated"]

    async def test_a_change_of_rights_holds_at_once(self, pair: Pair) -> None:
        role = await pair.suite.role("ev_change", ("customers.read", "ALL"))
        _, token = await pair.suite.user("ev-change", role)
        async with pair.listen(1, token=token) as stream, pair.listen() as all_:
            before = await pair.customer("seen")
            await stream.until(1)
            async with pair.suite.admin as client:
                grants = {"grants": [{"permission": "tickets.read", "scope": "ALL"}]}
                assert (await client.patch(f"/v1/roles/{role['id']}", json=grants)).status_code == 200
            await asyncio.sleep(1)
            await pair.customer("not seen any more")
            await all_.until(3)
            await asyncio.sleep(0.2)
        assert [told["id"] for told in stream.notices] == [before]


async def eventually_made(pair: Pair, name: str, branch: str) -> str:
    body = {"kind": "PERSON", "display_name": name, "branch_id": branch}
    return str((await eventually_answered(pair, "POST", "/v1/customers", **body))["id"])


async def eventually_answered(pair: Pair, method: str, path: str, **body: str) -> Any:
    """A new branch or user reaches the customer service a moment later."""
    for _ in range(100):
        async with pair.suite.admin as client:
            answer = await client.request(method, path, json=body)
        if answer.status_code == 200:
            return answer.json()
        await asyncio.sleep(0.05)
    raise AssertionError(answer.text)


class TestGoingOn:
    async def test_at_another_gateway_nothing_is_lost_and_nothing_comes_twice(self, pair: Pair) -> None:
        """A client that loses its link again and again while records are made."""
        made: list[str] = []

        async def write() -> None:
            for number in range(60):
                made.append(await pair.customer(f"n{number}"))  # noqa: PERF401  # read while it grows

        async with pair.listen() as first:
            last_id = first.last_id
        writing = asyncio.create_task(write())
        told: list[str] = []
        which = 0
        while not writing.done() or len(told) < len(made):
            which = 1 - which
            async with pair.listen(which, last_id=last_id, resource="customers") as stream:
                await asyncio.sleep(0.15)
                told += [one["id"] for one in stream.notices]
                assert stream.special == []
                last_id = stream.last_id or last_id
            assert len(told) <= 60
        await writing
        assert told == made

    async def test_from_before_what_a_gateway_keeps(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feeds, "RING", 4)
        async with pair.listen() as stream:
            first = await pair.customer("r")  # told of after all that went before
            while not stream.notices or stream.notices[-1]["id"] != first:
                await stream.until(len(stream.notices) + 1)
            start = stream.last_id
        made = [await pair.customer(f"r{number}") for number in range(20)]
        feed = pair.suite.doors.streams._feeds.feeds["customer"]
        before = int(start.split("customer.")[1].split("-")[0])
        deadline = time.monotonic() + 20
        while feed.last < before + 20:  # it keeps the newest though nobody listens
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert feed.base > before
        async with pair.listen(last_id=start) as again:
            await again.until(20)
            later = await pair.customer("later")
            await again.until(21)
        assert [told["id"] for told in again.notices] == [*made, later]

    async def test_what_is_gone_is_a_reset(self, pair: Pair) -> None:
        async with pair.listen() as stream:
            now = stream.last_id
        ahead = now.replace("customer.", "customer.9")
        async with pair.listen(last_id=ahead) as again:
            assert again.special == [("reset", {"reason": "TOO_OLD"})]
            assert again.last_id == now

    async def test_heartbeats_move_the_position(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listener, "HEARTBEAT_SECONDS", 0.1)
        async with pair.listen(types="team.*") as stream:
            before = stream.last_id
            await pair.customer("unseen")
            await asyncio.sleep(1)
            assert stream.beats >= 3
            assert stream.last_id != before
            assert stream.notices == []


class TestEnd:
    @pytest.mark.parametrize("how", ["disable", "sign out", "expire"])
    async def test_a_stream_ends_with_its_caller(self, pair: Pair, how: str) -> None:
        role = await pair.suite.role(f"ev_end_{how[:4].strip()}", ("customers.read", "ALL"))
        user, token = await pair.suite.user(f"ev-end-{how[:4].strip()}", role)
        async with pair.listen(1, token=token) as stream:
            if how == "disable":
                async with pair.suite.admin as client:
                    answer = await client.post(f"/v1/users/{user['id']}:disable", json={})
                    assert answer.status_code == 200, answer.text
            elif how == "sign out":
                async with pair.suite.client(token) as client:
                    assert (await client.delete("/v1/sessions/current")).status_code == 200
            else:
                with pair.suite.harness.system_call():
                    async with pair.suite.harness.runtime.database.unit() as work:
                        past = work.clock.now() - timedelta(seconds=1)
                        await work.execute(
                            sessions.update().where(sessions.c.user_id == user["id"]).values(expire_time=past)
                        )
            await stream.end(5.0)
            assert stream.special == [("end", {"reason": "CREDENTIALS_ENDED"})]

    async def test_a_reader_that_takes_nothing_is_cut(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "SEND_SECONDS", 0.2)
        sent: list[bytes] = []

        async def stuck(message: Any) -> None:
            sent.append(message.get("body", b""))
            if len(sent) > 1:
                await asyncio.sleep(60)

        async def receive() -> dict[str, str]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        headers = {"authorization": f"Bearer {pair.token}"}
        request = Request("GET", "/v1/events", "", headers, "http", "", receive)  # type: ignore[arg-type]
        started = time.monotonic()
        await pair.suite.doors.streams.serve(request, stuck, [])
        assert time.monotonic() - started < 3
        assert b"TOO_SLOW" in sent[-1]

    async def test_a_reader_that_falls_behind_is_cut(self, pair: Pair) -> None:
        found = pair.suite.doors.streams._feeds
        slow = listener.Listener(found, None, None, None, None, "", None)  # type: ignore[arg-type]
        slow._at = found.end() | {"customer": found.feeds["customer"].base - 1}
        with pytest.raises(listener.Ended, match="TOO_SLOW"):
            await slow._next()
