"""Webhooks from events on the bus to a receiver on a socket, sent by two gateways on one database."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf import json_format

from taproot.customer.v1.customer_pb2 import CUSTOMER_STATUS_WON, Customer
from taproot_gateway.webhooks import deliveries, sending
from taproot_gateway.webhooks.model import Webhook, webhook_runs
from taproot_storage.visibility import unscoped


class TestEndpoints:
    async def test_nobody_and_those_without_the_permission_are_refused(self, world: Any) -> None:
        role = await world.one.role("wh_none", ("teams.read", "ALL"))
        _, token = await world.one.user("wh-none", role)
        body = {"display_name": "x", "url": "https://a.example/"}
        async with world.one.client() as nobody, world.one.client(token) as client:
            assert (await nobody.get("/v1/webhooks")).status_code == 401
            assert (
                await world.one.eventually(lambda: client.post("/v1/webhooks", json=body))
            ).status_code == 403

    async def test_everything_wrong_is_told_at_once(self, world: Any) -> None:
        async with world.one.admin as client:
            bad = await client.post("/v1/webhooks", json={"url": "ftp://x", "filter": "nope = 1"})
            types = await client.post(
                "/v1/webhooks", json={"display_name": "x", "url": "https://a.example", "event_types": ["*"]}
            )
        assert {one["field"] for one in bad.json()["violations"]} == {
            "webhook.display_name", "webhook.url", "webhook.filter"
        }  # fmt: skip
        assert [one["field"] for one in types.json()["violations"]] == ["webhook.event_types[0]"]

    async def test_the_secret_is_shown_once_and_stored_sealed(self, world: Any) -> None:
        headers = {"idempotency-key": "wh-once"}
        body = {"display_name": "once", "url": "https://a.example/"}
        async with world.one.client(world.one.admin_token, **headers) as client:
            first, again = [(await client.post("/v1/webhooks", json=body)).json() for _ in range(2)]
        assert first["webhook"] == again["webhook"]
        assert first["secret"].startswith("whsec_")
        assert "secret" not in again
        with world.one.harness.system_call():
            async with world.one.harness.runtime.database.unit() as work:
                key = first["webhook"]["id"]
                row: Any = await work.scalar(
                    Webhook.__table__.select()
                    .with_only_columns(Webhook.secret)
                    .where(Webhook.id == key, unscoped(Webhook, "test"))
                )
        assert base64.b64decode(first["secret"].removeprefix("whsec_")) not in row
        assert (await world.call("DELETE", f"/{key}"))["id"] == key

    async def test_whoever_changes_what_is_sent_becomes_the_owner(self, world: Any) -> None:
        hook, _ = await world.endpoint("/owner", event_types=["team.created"])
        role = await world.one.role("wh_upd", ("webhooks.*", "ALL"))
        user, token = await world.one.user("wh-upd", role)
        async with world.one.client(token) as client:
            path = f"/v1/webhooks/{hook['id']}"
            changed = await world.one.eventually(
                lambda: client.patch(path, json={"url": world.receiver.url("/x")})
            )
        assert changed.json()["owner_id"] == user["id"] != hook["owner_id"]
        await world.call("DELETE", f"/{hook['id']}")


class TestSending:
    async def test_an_event_arrives_signed(self, world: Any) -> None:
        hook, secret = await world.endpoint("/signed", event_types=["customer.*"])
        key = await world.happen()
        [got] = await world.receiver.until("/signed", 1)
        assert got.signed_by(secret)
        assert not got.signed_by("whsec_" + base64.b64encode(b"x" * 32).decode())
        assert got.json["type"] == "customer.created"
        assert got.json["data"]["customer"] == {"id": key, "display_name": "王芳"}
        assert "traceparent" in got.headers
        told = await world.until_state(hook, "_DELIVERED")
        assert (told["attempts"], told["response_status"], told["event_id"]) == (
            1,
            204,
            got.headers["webhook-id"],
        )
        await world.call("DELETE", f"/{hook['id']}")

    async def test_only_what_is_asked_for(self, world: Any) -> None:
        hook, _ = await world.endpoint(
            "/filter",
            event_types=["customer.updated"],
            filter='data.status = "CUSTOMER_STATUS_WON" AND resource = "customers"',
        )
        await world.happen("customer.created", status=CUSTOMER_STATUS_WON)
        await world.happen("customer.updated")
        wanted = await world.happen("customer.updated", status=CUSTOMER_STATUS_WON)
        [got] = await world.receiver.until("/filter", 1)
        await asyncio.sleep(1)
        assert [one.json["data"]["customer"]["id"] for one in world.receiver.at("/filter")] == [wanted]
        states = Counter(
            one["state"] for one in (await world.call("GET", f"/{hook['id']}/deliveries"))["deliveries"]
        )
        assert states == {"WEBHOOK_DELIVERY_STATE_DELIVERED": 1, "WEBHOOK_DELIVERY_STATE_SKIPPED": 1}
        assert got.json["type"] == "customer.updated"
        await world.call("DELETE", f"/{hook['id']}")

    async def test_the_owner_is_sent_what_the_owner_may_see(self, world: Any) -> None:
        suite = world.one
        async with suite.admin as client:
            [root] = (await client.get("/v1/branches", params={"filter": 'code = "hq"'})).json()["branches"]
        mine = await suite.create("/v1/branches", code="wh1", display_name="W", parent_id=root["id"])
        role = await suite.role(
            "wh_own", ("webhooks.*", "BRANCH"), ("customers.read", "BRANCH"), masked_classes=["CONTACT"]
        )
        user, token = await suite.user("wh-own", role, branch_id=mine["id"])
        for _ in range(100):
            async with suite.client(token) as client:
                if (await client.get("/v1/webhooks")).status_code == 200:
                    break
            await asyncio.sleep(0.05)
        hook, _ = await world.endpoint(
            "/scope", token, event_types=["customer.created"], filter='data.note = "n"'
        )
        contact = [{"kind": "IDENTIFIER_KIND_EMAIL", "value": "a@example.com"}]
        await world.happen(branch="/hq/elsewhere/", note="n")
        ours = await world.happen(branch=mine["path"], note="n", identifiers=_identifiers(contact))
        [got] = await world.receiver.until("/scope", 1)
        await asyncio.sleep(0.8)
        assert [one.json["data"]["customer"]["id"] for one in world.receiver.at("/scope")] == [ours]
        assert b"a@example.com" not in got.body
        async with suite.admin as client:
            assert (await client.post(f"/v1/users/{user['id']}:disable", json={})).status_code == 200
        await world.happen(branch=mine["path"], note="n")
        await _until_disabled(world, hook, "OWNER_GONE")
        assert len(world.receiver.at("/scope")) == 1
        await world.call("DELETE", f"/{hook['id']}")

    async def test_two_gateways_share_the_work_and_send_each_event_once(self, world: Any) -> None:
        world.receiver.busiest, world.receiver.delay = 0, 0.01
        hooks = [await world.endpoint(f"/many{n}", event_types=["customer.created"]) for n in range(3)]
        keys = [await world.happen() for _ in range(40)]
        for number in range(3):
            got = await world.receiver.until(f"/many{number}", 40, 30)
            assert Counter(one.json["data"]["customer"]["id"] for one in got) == Counter(keys)
        assert world.receiver.busiest <= 4  # one runner, which sends four at once
        world.receiver.delay = 0
        for hook, _ in hooks:
            await world.call("DELETE", f"/{hook['id']}")


def _identifiers(values: list[dict[str, str]]) -> Any:
    parsed = json_format.ParseDict({"identifiers": values}, Customer())
    return parsed.identifiers


async def _until_disabled(world: Any, hook: dict[str, Any], reason: str, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not (found := await world.call("GET", f"/{hook['id']}")).get("disable_reason", "").endswith(reason):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


class TestFailure:
    async def test_it_is_tried_again_under_the_same_id(self, world: Any) -> None:
        hook, secret = await world.endpoint("/retry", event_types=["customer.created"])
        world.receiver.answers[:] = [
            world.receiver.answer(500),
            world.receiver.answer(302, f"location: {world.receiver.url('/elsewhere')}"),
        ]
        await world.happen()
        got = await world.receiver.until("/retry", 3)
        assert len({one.headers["webhook-id"] for one in got}) == 1
        assert all(one.signed_by(secret) for one in got)
        assert world.receiver.at("/elsewhere") == []
        assert (await world.until_state(hook, "_DELIVERED"))["attempts"] == 3
        assert "failing_since_time" not in await world.call("GET", f"/{hook['id']}")
        await world.call("DELETE", f"/{hook['id']}")

    async def test_what_was_given_up_is_sent_again_when_asked(self, world: Any) -> None:
        hook, _ = await world.endpoint("/dead", event_types=["customer.created"])
        world.receiver.answers[:] = [world.receiver.answer(503)] * 3
        await world.happen()
        dead = await world.until_state(hook, "_DEAD")
        assert (dead["attempts"], dead["response_status"], dead["error"]) == (3, 503, "answered 503")
        assert "failing_since_time" in await world.call("GET", f"/{hook['id']}")
        assert (await world.call("POST", f"/{hook['id']}:replay", delivery_ids=[dead["id"]]))["count"] == 1
        await world.receiver.until("/dead", 4)
        await world.until_state(hook, "_DELIVERED")
        since = {"start_time": dead["occur_time"]}
        assert "count" not in await world.call("POST", f"/{hook['id']}:replay", **since)
        assert (await world.call("POST", f"/{hook['id']}:replay", **since, delivered=True))["count"] == 1
        got = await world.receiver.until("/dead", 5)
        assert len({one.headers["webhook-id"] for one in got}) == 1
        async with world.one.admin as client:
            nothing = await client.post(f"/v1/webhooks/{hook['id']}:replay", json={})
        assert nothing.status_code == 400
        await world.call("DELETE", f"/{hook['id']}")

    @pytest.mark.parametrize(("status", "days", "reason"), [(410, 0, "GONE"), (500, 6, "FAILING")])
    async def test_an_endpoint_that_is_gone_or_fails_for_days_is_disabled_and_that_is_told(
        self, world: Any, status: int, days: int, reason: str
    ) -> None:
        path = f"/off{status}"
        hook, _ = await world.endpoint(path, event_types=["customer.created"])
        if days:
            with world.one.harness.system_call():
                async with world.one.harness.runtime.database.unit() as work:
                    since = work.clock.now() - timedelta(days=days)
                    await work.execute(
                        webhook_runs.update()
                        .where(webhook_runs.c.webhook_id == hook["id"])
                        .values(failing_since=since)
                    )
        world.receiver.answers[:] = [world.receiver.answer(status)]
        await world.happen()
        await _until_disabled(world, hook, reason)
        events = await world.one.harness.events(1, of="webhook.disabled")
        assert str(events[-1].aggregate_id) == hook["id"]
        count = len(world.receiver.at(path))
        await world.happen()
        await asyncio.sleep(0.8)
        assert len(world.receiver.at(path)) == count
        again = await world.call("POST", f"/{hook['id']}:enable")
        assert again["state"] == "WEBHOOK_STATE_ENABLED"
        await world.happen()
        await world.receiver.until(path, count + 1)
        await world.call("DELETE", f"/{hook['id']}")

    @pytest.mark.parametrize("language", ["en", "zh-CN"])
    async def test_its_owner_is_told_by_mail_once(self, world: Any, inbox: Any, language: str) -> None:
        suite, name = world.one, f"mailed-{language.lower()}"
        role = await suite.role(f"wh_{language[:2]}", ("webhooks.*", "ALL"), ("customers.read", "ALL"))
        address = f"{name}@example.com"
        _, token = await suite.user(name, role, email=address, language_code=language)
        await inbox.arrival(address)  # of the password that was set
        async with suite.client(token) as client:
            assert (await suite.eventually(lambda: client.get("/v1/webhooks"))).status_code == 200
        hook, _ = await world.endpoint(f"/{name}", token, event_types=["customer.created"])
        world.receiver.answers[:] = [world.receiver.answer(410)]
        await world.happen()
        mail = await inbox.arrival(address, 2)
        assert f"/{name}" in mail["subject"]
        assert ("停用" if language == "zh-CN" else "disabled") in mail["subject"]
        assert "410" in mail["text"]
        await world.call("DELETE", f"/{hook['id']}")
        assert len(inbox.to(address)) == 2

    async def test_slow_and_endless_answers_are_cut(
        self, world: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "SECONDS", 0.5)
        hook, _ = await world.endpoint("/slow", event_types=["customer.created"])
        world.receiver.delay = 1.0
        world.receiver.answers[:] = [world.receiver.answer(200)] * 3
        await world.happen()
        dead = await world.until_state(hook, "_DEAD")
        assert dead["error"] == "no answer within 0.5 s"
        world.receiver.delay = 0.0
        world.receiver.answers[:] = [b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 200_000]
        await world.happen()
        await world.receiver.until("/slow", 4)
        await world.until_state(hook, "_DELIVERED")
        await world.call("DELETE", f"/{hook['id']}")

    async def test_what_a_killed_runner_had_taken_is_sent_by_another(
        self, world: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries, "LEASE", timedelta(seconds=1.5))
        hook, _ = await world.endpoint("/killed", event_types=["customer.created"])
        with world.one.harness.system_call():
            async with world.one.harness.runtime.database.unit() as work:
                await deliveries.extend(hook["id"], work)  # a runner that is no more
        await world.happen()
        await asyncio.sleep(0.7)
        assert world.receiver.at("/killed") == []
        await world.receiver.until("/killed", 1)
        await world.call("DELETE", f"/{hook['id']}")


class TestSecrets:
    async def test_two_are_valid_while_one_follows_the_other(self, world: Any) -> None:
        hook, old = await world.endpoint("/rotate", event_types=["customer.created"])
        rotated = await world.call("POST", f"/{hook['id']}:rotateSecret")
        assert "previous_secret_expire_time" in rotated["webhook"]
        await world.happen()
        [both] = await world.receiver.until("/rotate", 1)
        assert both.signed_by(old)
        assert both.signed_by(rotated["secret"])
        last = (await world.call("POST", f"/{hook['id']}:rotateSecret", overlap_hours=-1))["secret"]
        await world.happen()
        one = (await world.receiver.until("/rotate", 2))[-1]
        assert one.signed_by(last)
        assert not one.signed_by(rotated["secret"])
        await world.call("DELETE", f"/{hook['id']}")
