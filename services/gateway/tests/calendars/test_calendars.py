"""A calendar program subscribes to its user's calendar."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest_asyncio
from icalendar import Calendar

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)


def text(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


async def create(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Subscriber:
    """A seller, signed in, and the address of the calendar."""

    def __init__(self, gateway: Any, client: httpx.AsyncClient, key: dict[str, Any]) -> None:
        self.gateway, self.client, self.key = gateway, client, key
        self.address = f"/calendars/{key['key']}.ics"

    async def fetch(self, address: str = "", **headers: str) -> httpx.Response:
        async with self.gateway.client("", **headers) as nobody:
            return await nobody.get(address or self.address)  # type: ignore[no-any-return]  # httpx's

    async def events(self) -> dict[str, Any]:
        answer = await self.fetch()
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        return {str(event["summary"]): event for event in Calendar.from_ical(answer.content).events}


@pytest_asyncio.fixture
async def subscriber(suite: Any, request: Any):
    grants = [(f"{name}.*", "OWN") for name in ("customers", "activities", "tasks", "care_dates", "api_keys")]
    name = request.node.name[:39]
    role = await suite.role(name, *grants)
    _, token = await suite.user(name.replace("_", "-"), role)
    async with suite.client(token) as client:
        await suite.eventually(lambda: client.get("/v1/customers"))
        key = await create(client, "/v1/apiKeys", display_name="phone", scope="CALENDAR")
        yield Subscriber(suite, client, key)


async def test_shows_what_is_planned(subscriber):
    client = subscriber.client
    customer = (await create(client, "/v1/customers", kind="ORGANIZATION", display_name="海尔, 青岛"))["id"]
    start = NOW + DAY
    await create(
        client,
        "/v1/activities",
        kind="MEETING",
        display_name="周会",
        customer_id=customer,
        start_time=text(start),
        duration="1800s",
        recurrence={"rule": "FREQ=DAILY;COUNT=3"},
    )
    await create(
        client, "/v1/tasks", display_name="寄送合同", customer_id=customer, due_time=text(start + 200 * DAY)
    )
    day = (NOW + 40 * DAY).date()
    await create(
        client,
        "/v1/careDates",
        customer_id=customer,
        kind="POLICY_END",
        display_name="车险",
        date={"year": day.year, "month": day.month, "day": day.day},
    )
    answer = await subscriber.fetch()
    found = Calendar.from_ical(answer.content)
    meetings = sorted(event["dtstart"].dt for event in found.events if "周会" in event["summary"])
    assert meetings == [start, start + DAY, start + 2 * DAY]
    assert len({str(event["uid"]) for event in found.events}) == len(found.events) == 5
    by_name = await subscriber.events()
    meeting, task, policy = (by_name[f"{name} · 海尔, 青岛"] for name in ("周会", "☐ 寄送合同", "车险"))
    assert (meeting["dtend"].dt - meeting["dtstart"].dt, meeting["transp"]) == (
        dt.timedelta(minutes=30),
        "OPAQUE",
    )
    assert (task["dtstart"].dt, "dtend" in task, task["transp"]) == (start + 200 * DAY, False, "TRANSPARENT")
    assert (policy["dtstart"].dt, policy["dtend"].dt) == (day, day + DAY)


async def test_names_who_takes_part(subscriber):
    suite, client = subscriber.gateway, subscriber.client
    organiser, _ = await suite.user(
        "organiser", await suite.role("organiser", ("customers.*", "ALL"), ("activities.*", "ALL"))
    )
    guest = (await client.get("/v1/sessions/current")).json()["user"]["id"]
    async with suite.client(suite.admin_token) as admin:
        customer = (await create(admin, "/v1/customers", kind="ORGANIZATION", display_name="海尔"))["id"]
        contact = await create(admin, "/v1/contacts", customer_id=customer, display_name="王总")
        await create(
            admin,
            "/v1/activities",
            kind="MEETING",
            display_name="评审",
            customer_id=customer,
            start_time=text(NOW + DAY),
            duration="1800s",
            owner_id=organiser["id"],
            participants=[
                {"user_id": guest, "response": "TENTATIVE"},
                {"contact_id": contact["id"], "response": "ACCEPTED"},
            ],
        )
    event = (await subscriber.events())["评审"]  # without the customer's name, which the guest may not see
    assert str(event["organizer"]) == f"urn:uuid:{organiser['id']}"
    people = {str(one): dict(one.params) for one in event["attendee"]}
    assert set(people) == {f"urn:uuid:{guest}", f"urn:uuid:{contact['id']}"}
    mine, other = people[f"urn:uuid:{guest}"], people[f"urn:uuid:{contact['id']}"]
    assert (mine["PARTSTAT"], bool(mine["CN"])) == ("TENTATIVE", True)
    assert (other["PARTSTAT"], "CN" in other) == ("ACCEPTED", False)


async def test_is_fetched_again_only_when_it_changed(subscriber):
    first = await subscriber.fetch()
    tag = first.headers["etag"]
    again = await subscriber.fetch(**{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await create(subscriber.client, "/v1/tasks", display_name="新任务", due_time=text(NOW + DAY))
    assert (await subscriber.fetch(**{"if-none-match": tag})).status_code == 200
    assert set(await subscriber.events()) == {"☐ 新任务"}


async def test_its_key_opens_nothing_else(subscriber):
    async with subscriber.gateway.client(subscriber.key["key"]) as client:
        for path in ("/v1/agenda", "/v1/customers", "/v1/events", "/scim/v2/Users"):
            assert (await client.get(path)).status_code == 401, path
        assert (await client.post(subscriber.address)).status_code == 405


async def test_no_other_key_opens_it(subscriber):
    other = await create(subscriber.client, "/v1/apiKeys", display_name="api", scope="API")
    known = subscriber.address
    guesses = (other["key"], "tk_unknown", subscriber.gateway.admin_token, "", "..")
    for address in (
        *(f"/calendars/{guess}.ics" for guess in guesses),
        known.removesuffix(".ics"),
        f"{known}/x",
    ):
        answer = await subscriber.fetch(address)
        assert answer.status_code == 404, address
        assert "www-authenticate" not in answer.headers


async def test_ends_with_its_key(subscriber):
    assert (await subscriber.fetch()).status_code == 200
    gone = await subscriber.client.delete(f"/v1/apiKeys/{subscriber.key['api_key']['id']}")
    assert gone.status_code == 200
    assert (await subscriber.fetch()).status_code == 404


async def test_needs_the_rights_of_an_agenda(suite):
    role = await suite.role("keys_alone", ("api_keys.*", "OWN"))
    _, token = await suite.user("keys-alone", role)
    async with suite.client(token) as client:
        key = await create(client, "/v1/apiKeys", display_name="phone", scope="CALENDAR")
        answer = await client.get(f"/calendars/{key['key']}.ics")
    assert (answer.status_code, answer.json()["reason"]) == (403, "PERMISSION_DENIED")
