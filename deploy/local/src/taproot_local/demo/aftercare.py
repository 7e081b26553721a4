"""The second half of a life: call, ticket, repair, survey, complaint, points, reminder, profile."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable

from taproot_local.api import ApiError, Client, Json
from taproot_local.demo.company import agents
from taproot_local.demo.life import OFFICE, Life
from taproot_local.demo.outreach import AMOUNT_PER_POINT, PROGRAM_ID, WEB_SEGMENT_ID

_SURVEY_LINK = re.compile(r"/survey/([A-Za-z0-9_-]{20,100})")
LOW_SCORE = 1


async def _agent(life: Life) -> Client:
    crew = agents(OFFICE)
    return await life.person(crew[life.number % len(crew)].user_name)


async def answer_call(life: Life) -> None:
    agent = await _agent(life)
    call = await agent.post("/v1/calls", {"phone": life.result.phone}, key=life.key("call"))
    life.ids["call"] = call["id"]
    await agent.post(f"/v1/calls/{call['id']}:answer", key=life.key("answer-call"))

    async def look() -> Json | None:
        found = await agent.post("/v1/calls:identify", {"phone": life.result.phone})
        return next(
            (one for one in found.get("candidates", []) if one["customer_id"] == life.ids["customer"]), None
        )

    who = await life.wait(look, "the caller's name")
    assert isinstance(who, dict)
    said = f"{who['display_name']}, {len(who.get('entitlements', []))} entitlements"
    await life.step("来电识别", "Call answered, caller identified", said, ("call.started", "call.answered"))


async def open_ticket(life: Life) -> None:
    agent = await _agent(life)
    ticket = {
        "display_name": "Image is blurred" if life.latin else "图像模糊",
        "description": "Since yesterday the picture is out of focus.",
        "kind": "TICKET_KIND_REPAIR",
        "priority": "TICKET_PRIORITY_HIGH",
        "categories": ["microscope"],
        "channel": "phone",
        "customer_id": life.ids["customer"],
        "product_code": "MX-500",
        "region": "上海",
        "owner_id": agent.user["id"],
        "branch_id": agent.user["branch_id"],
    }
    made = await agent.post("/v1/tickets", ticket, key=life.key("ticket"))
    life.ids["ticket"] = made["id"]
    clock = min(made["clocks"], key=lambda one: str(one.get("due_time", "9")))
    covered = made.get("coverage", {}).get("reason", "?")
    said = f"{made['number']}, {clock['metric'].removeprefix('SLA_METRIC_')} due {clock.get('due_time', '-')[:16]}, {covered}"
    await life.step("登记工单，SLA 计时", "Ticket opened, clock runs", said, ("ticket.created",))


async def send_station(life: Life) -> None:
    agent, path = await _agent(life), f"/v1/tickets/{life.ids['ticket']}"
    offer = await agent.post(f"{path}:dispatch", key=life.key("dispatch"))
    dispatch = f"/v1/dispatches/{offer['id']}"
    await agent.post(f"{dispatch}:accept", key=life.key("accept-dispatch"))
    await agent.post(f"{dispatch}:complete", {"result": "重新校准 Recalibrated"}, key=life.key("done"))
    station = await life.cast.admin.get(f"/v1/stations/{offer['station_id']}")
    said = f"{station['display_name']}, score {offer.get('score', '-')}"
    events = ("dispatch.offered", "dispatch.accepted", "dispatch.done")
    await life.step("派工至维修站", "Dispatched to a station, done", said, events)


async def resolve_ticket(life: Life) -> None:
    agent, path = await _agent(life), f"/v1/tickets/{life.ids['ticket']}"
    solved = {"resolution": "光路重新校准 Light path recalibrated", "root_cause": "transport"}
    await agent.post(f"{path}:resolve", solved, key=life.key("resolve"))
    await agent.post(f"/v1/calls/{life.ids['call']}:end", {"outcome": "solved"}, key=life.key("end-call"))
    events = ("ticket.resolved", "call.ended", "survey.sent")
    await life.step("解决工单，发送调查", "Resolved, survey sent", solved["root_cause"], events)


async def answer_survey(life: Life) -> None:
    async def look() -> str:
        found = (_SURVEY_LINK.search(mail["text"]) for mail in await life.cast.mailbox.to(life.result.email))
        return next((match.group(1) for match in found if match), "")

    token = await life.wait(look, "the mail with the survey")
    visitor = life.cast.admin.anonymous().traced(life.traceparent)
    answer = {"token": token, "score": LOW_SCORE, "comment": "等了太久 I waited too long"}
    try:
        await visitor.post("/v1/surveyResponses:answer", answer, key=life.key("survey"))
    except ApiError as error:
        if error.reason != "SURVEY_ANSWERED":  # a link answers once: this is a repeat
            raise
    timeline = await life.timeline()
    await timeline.shows((), Counter({"survey.answered": 1, "ticket.created": 2}))
    await life.step(
        "客户打低分", "Customer answers with a low score", f"{LOW_SCORE} of 5", ("survey.answered",)
    )


async def handle_complaint(life: Life) -> None:
    boss = await life.cast.by_name(life.manager_name)
    question = f'customer_id = "{life.ids["customer"]}" AND kind = COMPLAINT'

    async def look() -> Json | None:
        return await boss.first("/v1/tickets", question)

    complaint = await life.wait(look, "the complaint")
    assert isinstance(complaint, dict)
    life.ids["complaint"] = complaint["id"]
    said = f"{complaint['number']}, {complaint['state'].removeprefix('TICKET_STATE_')}"
    await life.step("低分自动转投诉", "Low score opened a complaint", said)


async def earn_points(life: Life) -> None:
    admin = life.cast.admin
    question = f'customer_id = "{life.ids["customer"]}" AND program_id = "{PROGRAM_ID}"'

    async def look() -> Json | None:
        return await admin.first("/v1/loyaltyAccounts", question)

    account = await life.wait(look, "the points")
    assert isinstance(account, dict)
    life.result.points = int(account["balance"])
    payment = await admin.get(f"/v1/payments/{life.ids['payment']}")
    due = int(float(payment["amount"]["amount"]) // AMOUNT_PER_POINT)
    assert life.result.points == due, f"{life.result.points} points instead of {due}"
    said = f"{life.result.points} points, tier {account.get('tier', '-')}"
    await life.step("积分到账", "Loyalty points", said, ("loyalty_account.created", "loyalty_account.earned"))


async def get_reminder(life: Life) -> None:
    async def look() -> list[Json]:
        return [mail for mail in await life.cast.mailbox.to(life.result.email) if is_reminder(mail)]

    await life.wait(look, "the reminder")
    await (await life.timeline()).shows(("delivery.sent",))
    reminders = await look()
    assert len(reminders) == 1, f"{len(reminders)} reminders instead of one"
    headers = {name.lower(): value for name, value in reminders[0]["headers"].items()}
    assert "list-unsubscribe" in headers, "the mail cannot be unsubscribed from"
    assert headers.get("list-unsubscribe-post") == "List-Unsubscribe=One-Click"
    events = ("journey_run.started", "delivery.sent")
    await life.step("旅程发送到期提醒", "Journey mailed the reminder once", reminders[0]["subject"], events)


async def follow_segments(life: Life) -> None:
    reader, customer = await life.cast.by_name(life.manager_name), life.ids["customer"]

    async def look() -> Json | None:
        profile = await reader.get(f"/v1/customers/{customer}:profile")
        inside = {one["segment_id"] for one in profile.get("segments", [])}
        return profile if WEB_SEGMENT_ID in inside else None

    profile = await life.wait(look, "the segment")
    assert isinstance(profile, dict)
    score = await life.cast.admin.get(f"/v1/customerScores/{customer}")
    titles = ", ".join(str(one["display_name"]) for one in profile["segments"])
    events = ("segment_member.entered", "score.changed")
    await life.step(
        "客群与评分更新", "Segments and score updated", f"{titles}; score {score['score']}", events
    )


async def show_profile(life: Life) -> None:
    reader, customer = await life.cast.by_name(life.manager_name), life.ids["customer"]
    life.result.profile = await reader.get(f"/v1/customers/{customer}:profile")
    life.result.timeline = await (await life.timeline()).entries()
    life.result.mails = await life.cast.mailbox.to(life.result.email)
    filled = [
        f"{name} {len(value)}" for name, value in life.result.profile.items() if isinstance(value, list)
    ]
    await life.step("客户全景", "Profile (360)", ", ".join(filled))


def is_reminder(mail: Json) -> bool:
    return "到期" in mail["subject"] or "ends on" in mail["subject"]


AFTERCARE: tuple[Callable[[Life], Awaitable[None]], ...] = (
    answer_call,
    open_ticket,
    send_station,
    resolve_ticket,
    answer_survey,
    handle_complaint,
    earn_points,
    get_reminder,
    follow_segments,
    show_profile,
)
