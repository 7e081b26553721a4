"""Views of lists: checked by the list itself when they are kept, and applied under the rights of who uses them."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

ABSENT = "0193a000-0000-7000-8000-00000000c0de"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(suite):
    """Name -> (user, token): two of one team and branch, one of elsewhere, and one from whom contacts are hidden."""
    grants = (("customers.*", "DATA_SCOPE_ALL"), ("saved_views.share", "DATA_SCOPE_ALL"))
    role = await suite.role("views", *grants)
    plain = await suite.role("views_plain", ("customers.read", "DATA_SCOPE_ALL"))
    blind = await suite.role(
        "views_blind", ("customers.read", "DATA_SCOPE_ALL"), masked_classes=["SENSITIVITY_PERSONAL"]
    )
    idle = await suite.role("views_idle", ("contacts.read", "DATA_SCOPE_ALL"))
    async with suite.admin as client:
        root = (await client.get("/v1/branches")).json()["branches"][0]["id"]
    head = (await suite.create("/v1/branches", display_name="视图分支", code="views", parent_id=root))["id"]
    team = (await suite.create("/v1/teams", display_name="视图组"))["id"]
    made = {
        "ann": await suite.user("v_ann", role, team_ids=[team], branch_id=head),
        "bob": await suite.user("v_bob", plain, team_ids=[team]),
        "cy": await suite.user("v_cy", plain, branch_id=head),
        "dee": await suite.user("v_dee", plain),
        "blind": await suite.user("v_blind", blind),
        "idle": await suite.user("v_idle", idle),
    }
    for _, token in made.values():
        async with suite.client(token) as client:
            await suite.eventually(lambda client=client: client.get("/v1/customers"))
    return made


@pytest.fixture
def call(suite, people):
    async def run(who: str, method: str, path: str, body: Any = None) -> Any:
        async with suite.client(people[who][1]) as client:
            answer = await client.request(method, path, json=body)
            return answer.status_code, answer.json()

    return run


@pytest.fixture
def keep(call):
    async def run(who: str = "ann", **values: Any) -> dict[str, Any]:
        body = {"display_name": "A 类客户", "collection": "customers", "filter": 'value_class = "A"'} | values
        status, made = await call(who, "POST", "/v1/savedViews", body)
        assert status == 200, made
        return made

    return run


class TestKeeping:
    async def test_needs_a_caller(self, suite):
        async with suite.client() as client:
            assert (await client.get("/v1/savedViews")).status_code == 401

    async def test_kept_changed_and_deleted_by_its_owner(self, call, keep, people):
        made = await keep(order_by="display_name desc", columns=["display_name", "custom.plate", "owner_id"])
        assert (made["sharing"], made["owner_id"]) == ("SAVED_VIEW_SHARING_PRIVATE", people["ann"][0]["id"])
        path = f"/v1/savedViews/{made['id']}"
        status, changed = await call("ann", "PATCH", path, {"display_name": "重点", "etag": made["etag"]})
        assert (status, changed["display_name"], changed["filter"]) == (200, "重点", made["filter"])
        assert (await call("ann", "PATCH", path, {"display_name": "x", "etag": made["etag"]}))[0] == 409
        assert (await call("bob", "GET", path))[0] == 404
        assert (await call("bob", "PATCH", path, {"display_name": "x"}))[0] == 404
        assert (await call("bob", "DELETE", path))[0] == 404
        assert (await call("ann", "DELETE", path))[0] == 200
        assert (await call("ann", "GET", path))[0] == 404

    async def test_everything_wrong_is_told_at_once(self, call):
        body = {
            "display_name": "x",
            "collection": "customers",
            "filter": "colour = RED AND shape = ROUND",
            "order_by": "weight",
            "columns": ["display_name", "nonsense", "identifiers.nonsense"],
        }
        status, problem = await call("ann", "POST", "/v1/savedViews", body)
        assert status == 400
        told = {each["field"] for each in problem["violations"]}
        assert told == {
            "saved_view.filter",
            "saved_view.order_by",
            "saved_view.columns[1]",
            "saved_view.columns[2]",
        }
        assert sum(each["field"] == "saved_view.filter" for each in problem["violations"]) == 2

    async def test_only_of_lists_there_are_and_the_caller_may_read(self, call):
        body: dict[str, str] = {"display_name": "x"}
        for gathered_or_none in ("nonsense", "auditEvents", "operations"):
            body["collection"] = gathered_or_none
            assert (await call("ann", "POST", "/v1/savedViews", body))[0] == 400
        body["collection"] = "customers"
        assert (await call("idle", "POST", "/v1/savedViews", body))[0] == 403
        body["collection"] = "campaigns"  # nobody answers there
        assert (await call("ann", "POST", "/v1/savedViews", body))[0] == 503

    async def test_what_is_hidden_cannot_be_named(self, call):
        body = {
            "display_name": "x",
            "collection": "customers",
            "filter": 'display_name = "万科A"',
            "columns": ["display_name"],
        }
        status, problem = await call("blind", "POST", "/v1/savedViews", body)
        assert status == 400
        told = {each["field"] for each in problem["violations"]}
        assert told == {"saved_view.filter", "saved_view.columns[0]"}


class TestSharing:
    @pytest.mark.parametrize(
        ("sharing", "seen_by"),
        [("PRIVATE", ()), ("TEAM", ("bob",)), ("BRANCH", ("cy",)), ("ALL", ("bob", "cy", "dee"))],
    )
    async def test_shows_to_those_it_is_shared_with(self, call, keep, sharing, seen_by):
        made = await keep(display_name=f"shared {sharing}")
        path, body = f"/v1/savedViews/{made['id']}", {"sharing": f"SAVED_VIEW_SHARING_{sharing}"}
        status, shared = await call("ann", "POST", f"{path}:share", body)
        assert (status, shared["sharing"]) == (200, body["sharing"])
        for who in ("bob", "cy", "dee"):
            listed = (await call(who, "GET", f'/v1/savedViews?filter=display_name="shared {sharing}"'))[1]
            found = [each["id"] for each in listed.get("saved_views", [])]
            assert (found == [made["id"]]) is (who in seen_by), who
            assert ((await call(who, "GET", path))[0] == 200) is (who in seen_by), who
            assert (await call(who, "PATCH", path, {"display_name": "x"}))[0] in (403, 404)
        assert (await call("ann", "DELETE", path))[0] == 200

    async def test_needs_the_permission_and_ones_own_team(self, call, keep):
        mine = await keep("bob")
        body = {"sharing": "SAVED_VIEW_SHARING_ALL"}
        assert (await call("bob", "POST", f"/v1/savedViews/{mine['id']}:share", body))[0] == 403
        made = await keep()
        foreign = {"sharing": "SAVED_VIEW_SHARING_TEAM", "team_id": ABSENT}
        assert (await call("ann", "POST", f"/v1/savedViews/{made['id']}:share", foreign))[0] == 400

    async def test_stars_are_each_ones_own_and_one_view_is_chosen(self, call, keep):
        one, two = await keep(display_name="star one"), await keep(display_name="star two")
        for view in (one, two):
            await call(
                "ann", "POST", f"/v1/savedViews/{view['id']}:share", {"sharing": "SAVED_VIEW_SHARING_ALL"}
            )
            status, marked = await call(
                "bob", "POST", f"/v1/savedViews/{view['id']}:mark", {"starred": True, "chosen": True}
            )
            assert (status, marked["starred"], marked["chosen"]) == (200, True, True)
        listed = (await call("bob", "GET", "/v1/savedViews?filter=chosen=true"))[1]
        assert [each["id"] for each in listed["saved_views"]] == [two["id"]]
        starred = (await call("bob", "GET", "/v1/savedViews?filter=starred=true"))[1]
        assert [each["id"] for each in starred["saved_views"]] == [one["id"], two["id"]]
        assert not (await call("ann", "GET", "/v1/savedViews?filter=starred=true"))[1].get("saved_views")
        await call("bob", "POST", f"/v1/savedViews/{one['id']}:mark", {"starred": False})
        assert not (await call("bob", "GET", f"/v1/savedViews/{one['id']}"))[1].get("starred")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customers(suite, people):
    async with suite.client(people["ann"][1]) as client:
        for name, value in (("视图甲", "A"), ("视图乙", "A"), ("视图丙", "B")):
            body = {"kind": "CUSTOMER_KIND_PERSON", "display_name": name, "value_class": value}
            answer = await client.post("/v1/customers", json=body)
            assert answer.status_code == 200, answer.text


class TestApplying:
    async def test_completes_the_request(self, call, keep, customers):
        view = await keep(filter='value_class = "A" OR value_class = "B"', order_by="display_name desc")

        async def names(query: str) -> list[str]:
            status, found = await call("ann", "GET", f"/v1/customers?view={view['id']}{query}")
            assert status == 200, found
            return [each["display_name"] for each in found["customers"]]

        assert await names("") == ["视图乙", "视图甲", "视图丙"]
        assert await names("&order_by=display_name") == ["视图丙", "视图甲", "视图乙"]
        assert await names('&filter=value_class="B"') == ["视图丙"]
        status, page = await call("ann", "GET", f"/v1/customers?view={view['id']}&page_size=2")
        assert [each["display_name"] for each in page["customers"]] == ["视图乙", "视图甲"]
        rest = await names(f"&page_size=2&page_token={page['next_page_token']}")
        assert rest == ["视图丙"]
        status, groups = await call("ann", "GET", f"/v1/customers:aggregate?view={view['id']}")
        assert status == 200
        assert groups["rows"][0]["values"] == ["3"]

    async def test_only_views_one_sees_and_of_that_list(self, call, keep, customers):
        view = await keep()
        for who, path in (
            ("bob", f"/v1/customers?view={view['id']}"),
            ("ann", f"/v1/contacts?view={view['id']}"),
            ("ann", f"/v1/customers?view={ABSENT}"),
            ("ann", "/v1/customers?view=nonsense"),
            ("ann", f"/v1/customers?view={view['id']}&view={view['id']}"),
        ):
            status, problem = await call(who, "GET", path)
            assert (status, problem["violations"][0]["field"]) == (400, "view"), path

    async def test_the_users_own_masks_hold(self, call, keep, customers):
        view = await keep(filter='display_name = "视图甲"')
        await call("ann", "POST", f"/v1/savedViews/{view['id']}:share", {"sharing": "SAVED_VIEW_SHARING_ALL"})
        status, found = await call("dee", "GET", f"/v1/customers?view={view['id']}")
        assert (status, len(found["customers"])) == (200, 1)
        status, problem = await call("blind", "GET", f"/v1/customers?view={view['id']}")
        assert (status, problem["violations"][0]["field"]) == (400, "filter")
        assert (await call("idle", "GET", f"/v1/customers?view={view['id']}"))[0] == 403
