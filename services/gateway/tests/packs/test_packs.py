"""Packs through REST: applied twice without harm, and the days of a hotel, a school and a clinic with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from taproot_local.api import ApiError, Client, Json
from taproot_local.errors import LocalError
from taproot_local.packs.applying import SAME, apply, plan
from taproot_local.packs.commands import main
from taproot_local.packs.reading import names, read

PACKS = ("bank", "car_dealer", "clinic", "hotel", "insurer", "school")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(suite: Any) -> AsyncIterator[Client]:
    async with suite.client() as http:
        yield Client(http, suite.admin_token)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def applied(client: Client) -> dict[str, int]:
    """How many steps each pack took on an empty system."""
    return {
        name: len([step async for step in apply(client, read(name)) if step.action != SAME]) for name in PACKS
    }


async def person(client: Client, name: str, **custom: Any) -> Json:
    return await client.post(
        "/v1/customers", {"kind": "CUSTOMER_KIND_PERSON", "display_name": name, "custom": custom}
    )


async def thing(client: Client, of: str, name: str, customer: Json | None = None, **custom: Any) -> Json:
    body = {"display_name": name, "custom": custom} | ({"customer_id": customer["id"]} if customer else {})
    return await client.post(f"/v1/objects/{of}", body)


async def to(client: Client, one: Json, state: str) -> Json:
    return await client.post(f"/v1/objects/{one['type']}/{one['id']}:transition", {"state": state})


async def found(client: Client, kind: str, text: str, order: str = "") -> list[str]:
    answer = await client.get(f"/v1/objects/{kind}", filter=text, order_by=order)
    return [one["display_name"] for one in answer.get("objects", [])]


async def counts(client: Client, kind: str, text: str, by: str, measure: str = "count()") -> dict[str, str]:
    answer = await client.get(f"/v1/objects/{kind}:aggregate", filter=text, group_by=by, measures=measure)
    return {row["keys"][0]: row["values"][0] for row in answer.get("rows", [])}


def test_six_come_along_and_an_unknown_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(names()) == PACKS
    assert main(["list"]) == 0
    assert "hotel" in capsys.readouterr().out
    with pytest.raises(LocalError, match="There are bank"):
        read("spaceport")


async def test_applying_again_changes_nothing(client: Client, applied: dict[str, int]) -> None:
    assert all(count > 3 for count in applied.values())
    for name in PACKS:
        again = await plan(client, read(name))
        assert [step.line() for step in again if step.action != SAME] == []
        assert [step async for step in apply(client, read(name)) if step.action != SAME] == []


async def test_what_was_changed_is_previewed_and_put_back(client: Client, applied: dict[str, int]) -> None:
    assert applied
    field = await client.first("/v1/customFields", 'resource_type = "objects_room" AND key = "floor"')
    assert field is not None
    await client.patch(f"/v1/customFields/{field['id']}", {"maximum": "50", "section": "Ours"})
    [step] = [step for step in await plan(client, read("hotel")) if step.action != SAME]
    assert step.line() == "update  customFields objects_room.floor (maximum)"
    assert [step async for step in apply(client, read("hotel")) if step.action != SAME]
    after = await client.get(f"/v1/customFields/{field['id']}")
    assert (after["maximum"], after["section"]) == ("200", "Ours")


@pytest.mark.usefixtures("applied")
async def test_a_stay_in_a_hotel(client: Client) -> None:
    """Scenario 13: rooms, search, reservation with deposit, check-in and check-out, feedback."""
    room = await thing(client, "room", "1801", number="1801", kind="suite", floor="18", sea_view=True,
                       rate={"amount": "980", "currency_code": "CNY"})  # fmt: skip
    await thing(client, "room", "0203", number="0203", kind="single", floor="2", sea_view=False)
    free = "state = free AND custom.sea_view = true AND custom.rate <= 1000 AND custom.floor > 10"
    assert await found(client, "room", free) == ["1801"]
    guest = await person(
        client, "苏轼", hotel_member_number="H000018", hotel_tier="gold", room_wishes=["quiet"]
    )
    booking = await thing(client, "reservation", "苏轼 5 月", guest, room=room["id"], arrival_date="2026-05-01",
                          departure_date="2026-05-04", deposit={"amount": "500", "currency_code": "CNY"})  # fmt: skip
    assert booking["custom"]["guests"] == "1"
    assert await found(client, "reservation", "state = booked AND custom.arrival_date = 2026-05-01") == [
        "苏轼 5 月"
    ]
    for one, state in (
        (booking, "checked_in"),
        (room, "occupied"),
        (booking, "checked_out"),
        (room, "cleaning"),
    ):
        assert (await to(client, one, state))["state"] == state
    assert await found(client, "room", free) == []
    with pytest.raises(ApiError, match="WRONG_STATE"):
        await to(client, booking, "checked_in")
    await thing(
        client, "stay_feedback", "很好", guest, reservation=booking["id"], rating="5", remarks="海景很美"
    )
    assert await counts(client, "stay_feedback", "", "custom.rating") == {"5": "1"}
    with pytest.raises(ApiError, match="CUSTOM_VALUE_TAKEN"):
        await thing(client, "room", "重号", number="1801", kind="single")


@pytest.mark.usefixtures("applied")
async def test_a_term_at_a_school(client: Client) -> None:
    """Scenario 14: students, courses, grades; individual follow-up of who needs it."""
    course = await thing(client, "course", "高等数学", code="MATH1", credits="4.5", term="2026-1")
    marks = {"李白": ("20260001", "91.5", "0"), "杜甫": ("20260002", "48", "7")}
    for name, (number, grade, absences) in marks.items():
        student = await person(client, name, student_number=number, programme="arts", entry_year="2026")
        enrolment = await thing(client, "enrolment", f"{name} 高数", student, course=course["id"])
        body = {"custom": {"grade": grade, "absences": absences}}
        await client.patch(f"/v1/objects/enrolment/{enrolment['id']}", body)
        await to(client, enrolment, "passed" if float(grade) >= 60 else "failed")
        if float(grade) < 60:
            await thing(
                client, "student_talk", f"与{name}谈话", student, due_date="2026-07-10", subject="grades"
            )
    of_course = f'custom.course = "{course["id"]}"'
    assert await found(client, "enrolment", of_course, "custom.grade desc") == ["李白 高数", "杜甫 高数"]
    assert await counts(client, "enrolment", of_course, "state") == {"failed": "1", "passed": "1"}
    assert await counts(client, "enrolment", of_course, "custom.course", "avg(custom.grade)") == {
        course["id"]: "69.750000"
    }
    assert await found(client, "student_talk", "state = due AND custom.due_date < 2026-08-01") == [
        "与杜甫谈话"
    ]


@pytest.mark.usefixtures("applied")
async def test_patients_of_a_clinic(client: Client) -> None:
    """Scenario 15: appointments, three levels of follow-up with full coverage, satisfaction, reminders."""
    for number, name in enumerate(("甲患", "乙患")):
        patient = await person(client, name, patient_number=f"P{number}", blood_group="ab")
        visit = await thing(client, "appointment", f"{name}复诊", patient, department="cardiology", doctor="华佗",
                            start_time=f"2026-06-0{number + 1}T09:00:00+08:00", remind_date=f"2026-05-3{number}")  # fmt: skip
        await to(client, visit, "arrived")
        await to(client, visit, "treated")
        for level, score in (("doctor", "5"), ("department", "4"), ("hospital", str(2 + number))):
            call = await thing(client, "follow_up", f"{name} {level}", patient, appointment=visit["id"], level=level,
                               due_date="2026-06-10")  # fmt: skip
            await client.patch(f"/v1/objects/follow_up/{call['id']}", {"custom": {"satisfaction": score}})
            await to(client, call, "reached")
    assert await counts(client, "follow_up", "", "custom.level") == {
        "department": "2", "doctor": "2", "hospital": "2"
    }  # fmt: skip
    assert await found(client, "follow_up", "state != reached") == []
    assert (await counts(client, "follow_up", "", "custom.level", "avg(custom.satisfaction)"))[
        "hospital"
    ] == "2.500000"
    assert await found(client, "appointment", "custom.remind_date = 2026-05-31") == ["乙患复诊"]
    assert await found(
        client, "appointment", 'search:"华佗" AND custom.start_time < "2026-06-01T02:00:00Z"'
    ) == ["甲患复诊"]
