"""Makes the demo enterprise: offices, people, catalogue, service and marketing. Repeats find what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from taproot_local.api import ApiError, Client, Json, eventually, in_parallel
from taproot_local.demo import catalog, outreach
from taproot_local.demo.company import JOBS, OFFICES, PASSWORD, STAFF, Job, Office, Staff, team_id
from taproot_local.demo.keys import key
from taproot_local.errors import LocalError

WIDTH = 6
SETTLE_SECONDS = 60.0
Progress = Callable[[float], None]


async def set_up(admin: Client, progress: Progress = lambda _share: None) -> None:
    """Everything the life of a customer needs. The loyalty programme is made last: it marks that all is there."""
    if await _exists(admin, f"/v1/loyaltyPrograms/{outreach.PROGRAM_ID}"):
        return
    head_office = await _head_office(admin)
    for office in OFFICES:
        await _make_office(admin, office, head_office)
    await _make_all(admin, "/v1/roles", map(_role, JOBS))
    await _settled(admin, "/v1/teams", catalog.teams())
    progress(0.2)
    roles = {role["code"]: role["id"] async for role in admin.pages("/v1/roles")}
    await in_parallel([_person_job(admin, person, roles, head_office) for person in STAFF], WIDTH)
    progress(0.6)
    await _make_catalogue(admin)
    progress(0.8)
    await _make_service(admin)
    await _make_marketing(admin)
    progress(1.0)


async def _exists(admin: Client, path: str) -> bool:
    try:
        await admin.get(path)
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True


async def _head_office(admin: Client) -> str:
    found = await admin.first("/v1/branches", 'code = "hq"')
    if found is None:
        raise LocalError("This installation has no head office.")
    return str(found["id"])


async def _make_office(admin: Client, office: Office, head_office: str) -> None:
    parent = head_office if office.parent == "hq" else key("branch", office.parent)
    await admin.made(
        "/v1/branches",
        {
            "id": office.id,
            "code": office.code,
            "display_name": office.name,
            "parent_id": parent,
            "time_zone": office.time_zone,
            "language_code": office.language,
            "country_code": office.country,
            "currency_code": office.currency,
            "regions": list(office.regions),
        },
    )


def _role(job: Job) -> Json:
    grants = [{"permission": permission, "scope": job.scope} for permission in job.grants]
    return {
        "id": job.id,
        "code": job.code,
        "display_name": job.name,
        "description": job.description,
        "grants": grants,
    }


def _person_job(admin: Client, person: Staff, roles: dict[str, str], head_office: str) -> Callable[[], Any]:
    async def make() -> None:
        await admin.made("/v1/users", _user(person, roles[person.role], head_office))
        # A second run may find the user, but does not know whether the password was set before it was cut off.
        await admin.post(f"/v1/users/{person.id}:setPassword", {"password": PASSWORD})

    return make


def _user(person: Staff, role_id: str, head_office: str) -> Json:
    return {
        "id": person.id,
        "user_name": person.user_name,
        "display_name": person.name,
        "email": f"{person.user_name}@qinghe.example",
        "title": person.title,
        "branch_id": head_office if person.office == "hq" else key("branch", person.office),
        "team_ids": [team_id(person.team)] if person.team else [],
        "role_ids": [role_id],
        "language_code": person.language,
    }


async def _make_catalogue(admin: Client) -> None:
    await _make_all(admin, "/v1/products", (item.record() for item in catalog.ITEMS))
    for book, prices in catalog.price_books():
        await admin.made("/v1/priceBooks", book)
        await admin.post(f"/v1/priceBooks/{book['id']}:setEntries", {"entries": prices})
    await _settled(admin, "/v1/approvalPolicies", catalog.approval_policies())
    await _settled(admin, "/v1/assignmentRules", catalog.assignment_rules())


async def _make_service(admin: Client) -> None:
    await _make_all(admin, "/v1/calendars", catalog.calendars())
    await _make_all(admin, "/v1/slaPolicies", catalog.sla_policies())
    await _settled(admin, "/v1/queues", catalog.queues())
    await _settled(admin, "/v1/stations", catalog.stations())


async def _make_marketing(admin: Client) -> None:
    await admin.made("/v1/forms", outreach.form())
    await admin.post(f"/v1/forms/{outreach.FORM_ID}:open", key="open:contact")
    await _make_all(admin, "/v1/templates", outreach.templates())
    await _make_all(admin, "/v1/journeys", outreach.journeys())
    await _make_all(admin, "/v1/scoreRules", outreach.score_rules())
    await _make_all(admin, "/v1/segments", outreach.segments())
    await _remind_at_any_hour(admin)
    await admin.made("/v1/loyaltyPrograms", outreach.loyalty_program())


async def _remind_at_any_hour(admin: Client) -> None:
    """The planted reminder goes out at nine in the customer's morning; who plays the demo at night sees it too."""
    journey = await admin.first("/v1/journeys", f'key = "{outreach.REMINDER}"')
    if journey is None:
        raise LocalError(f"There is no journey {outreach.REMINDER!r}.")
    trigger = {"date": {**journey["trigger"]["date"], "hour": 0}}
    await admin.patch(f"/v1/journeys/{journey['id']}", {"trigger": trigger})


async def _make_all(admin: Client, path: str, records: Iterable[Json]) -> None:
    for record in records:
        await admin.made(path, record)


async def _settled(admin: Client, path: str, records: Iterable[Json]) -> None:
    """Services learn of offices and users by events: what names a fresh one may be refused for a moment."""
    for record in records:
        look = partial(_accepted, admin, path, record)
        await eventually(look, SETTLE_SECONDS, f"Making {path} {record['id']}")


async def _accepted(admin: Client, path: str, record: Json) -> bool:
    try:
        await admin.made(path, record)
    except ApiError as error:
        if error.status in {400, 404} and all(
            one.field.endswith(("_id", "_ids", "]")) for one in error.violations
        ):
            return False
        raise
    return True
