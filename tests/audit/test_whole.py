"""The audit of a whole Taproot: every change of a life has its event, and one list shows them all."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from taproot_base.descriptors import READING
from taproot_local.api import ApiError, Client
from taproot_local.demo.cast import Cast
from taproot_local.demo.life import LifeResult, play_life
from taproot_local.suite import SERVICES, Suite

SERVED = re.compile(r'taproot_rpc_seconds_count\{code="OK",method="/(taproot\.[^"]+)"\} ([0-9.]+)')


class Tally:
    """How often each changing method succeeded, as the services count it, and how often the audit says so."""

    def __init__(self, suite: Suite, admin: Client) -> None:
        self._suite = suite
        self._admin = admin

    async def served(self) -> Counter[str]:
        found: Counter[str] = Counter()
        async with httpx.AsyncClient() as http:
            for service in SERVICES:
                port = self._suite.state["ports"][f"{service}.metrics"]
                text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                for method, count in SERVED.findall(text):
                    if not method.rpartition("/")[2].startswith(READING):
                        found[method] += round(float(count))
        return found

    async def audited(self) -> Counter[str]:
        answer = await self._admin.get(
            "/v1/auditEvents:aggregate", filter='category = CHANGE AND outcome = "OK"', group_by="method"
        )
        rows = {row["keys"][0]: int(row["values"][0]) for row in answer.get("rows", [])}
        return Counter({name: count for name, count in rows.items() if name.startswith("taproot.")})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived(suite: Suite, admin: Client, cast: Cast) -> tuple[LifeResult, dict[str, Any]]:
    tally = Tally(suite, admin)
    before = await tally.served(), await tally.audited()
    life = await play_life(cast, 1501)
    grown: dict[str, Any] = {}

    async def agree() -> bool:
        grown["served"] = +((await tally.served()) - before[0])
        grown["audited"] = +((await tally.audited()) - before[1])
        return bool(grown["served"] == grown["audited"])

    await eventually(agree, 20)
    return life, grown


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float) -> Any:
    """What the condition answers, asked until that is something or the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := await condition()) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return found


def test_every_change_of_a_life_leaves_exactly_one_event(lived: tuple[LifeResult, dict[str, Any]]) -> None:
    served, audited = lived[1]["served"], lived[1]["audited"]
    assert len(served) >= 25
    assert {m: (served[m], audited[m]) for m in served | audited if served[m] != audited[m]} == {}


async def test_one_list_tells_of_a_record_over_all_services(
    lived: tuple[LifeResult, dict[str, Any]], admin: Client
) -> None:
    life = lived[0]
    found = [one async for one in admin.pages("/v1/auditEvents", "audit_events", page_size=7)]
    assert {one["service"] for one in found} == {"customer", "sales", "servicedesk", "marketing", "identity"}
    times = [(one["time"], one["id"]) for one in found]
    assert len(set(times)) == len(times)
    order = f'record_id = "{life.ids["order"]}" AND category = CHANGE'
    steps = [
        one["method"].rpartition("/")[2]
        async for one in admin.pages("/v1/auditEvents", "audit_events", filter=order, order_by="time")
    ]
    assert steps[0] == "AcceptQuote"  # which makes the order
    assert {"ConfirmOrder", "FulfilOrder"} <= set(steps)


async def test_a_sign_in_that_fails_names_the_account_and_no_name(suite: Suite, admin: Client) -> None:
    me = await admin.get("/v1/sessions/current")
    async with suite.client() as visitor:
        with pytest.raises(ApiError):
            await visitor.signed_in("admin", "not the password")

    async def noted() -> Any:
        return await admin.first(
            "/v1/auditEvents", f'record_id = "{me["user"]["id"]}" AND category = REFUSAL'
        )

    found = await eventually(noted, 5)
    assert found["principal"] == "anonymous"
    assert found["outcome"] == "CREDENTIALS_INVALID"
    assert found["client"]
    assert "127.0.0.1" not in str(found)


def test_the_command_line_verifies_every_service(suite: Suite) -> None:
    done = suite.run("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"as they were sealed", done.stdout)) == 5
