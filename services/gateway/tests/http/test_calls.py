"""REST through the gateway to a real service."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


async def create(suite: Any, name: str, **body: Any) -> Any:
    async with suite.admin as client:
        return await client.post("/v1/customers", json={"kind": "PERSON", "display_name": name, **body})


class TestCalls:
    async def test_without_a_caller_nothing_is_answered(self, suite: Any) -> None:
        async with suite.client() as client:
            answer = await client.get("/v1/customers")
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["reason"] == "CREDENTIALS_MISSING"

    async def test_a_record_goes_in_and_comes_out(self, suite: Any) -> None:
        made = (await create(suite, "王小明", tags=["vip"], custom={"licence_count": "12"})).json()
        async with suite.admin as client:
            read = (await client.get(f"/v1/customers/{made['id']}")).json()
            listed = (await client.get("/v1/customers", params={"page_size": 1})).json()
        assert read == made
        assert (read["kind"], read["custom"]) == ("CUSTOMER_KIND_PERSON", {"licence_count": "12"})
        assert listed["customers"] == [made]

    async def test_violations_of_shape_and_of_rules_look_the_same(self, suite: Any) -> None:
        shape = await create(suite, "x", status="NOBODY", nope=1)
        rules = await create(suite, "x", value_class="Z", identifiers=[{"kind": "PHONE", "value": ""}])
        assert (shape.status_code, rules.status_code) == (400, 400)
        assert {v["field"] for v in shape.json()["violations"]} == {"customer.status", "customer.nope"}
        assert {v["field"] for v in rules.json()["violations"]} == {
            "customer.value_class", "customer.identifiers[0].value"
        }  # fmt: skip

    async def test_what_is_not_there_is_a_problem_with_the_trace(self, suite: Any) -> None:
        async with suite.client(suite.admin_token, traceparent=TRACEPARENT) as client:
            answer = await client.get("/v1/customers/0190b6a0-0000-7000-8000-000000000001")
        assert answer.status_code == 404
        assert answer.json()["trace_id"] == TRACE
        assert answer.headers["traceparent"].split("-")[1] == TRACE

    async def test_a_patch_changes_what_the_client_wrote_and_clears_with_null(self, suite: Any) -> None:
        made = (await create(suite, "甲", note="old", industry="retail")).json()
        async with suite.admin as client:
            changed = (
                await client.patch(f"/v1/customers/{made['id']}", json={"note": None, "region": "east"})
            ).json()
        assert (changed.get("note"), changed["industry"], changed["region"]) == (None, "retail", "east")

    async def test_idempotency_key(self, suite: Any) -> None:
        async with suite.client(suite.admin_token, **{"idempotency-key": "abc"}) as client:
            body = {"kind": "PERSON", "display_name": "once"}
            first, second = [await client.post("/v1/customers", json=body) for _ in range(2)]
            third = await client.post("/v1/customers", json=body | {"display_name": "other"})
        assert first.json()["id"] == second.json()["id"]
        assert (third.status_code, third.json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")


class TestConditionalRequests:
    async def test_a_copy_that_is_current_is_not_sent_again(self, suite: Any) -> None:
        made = (await create(suite, "乙")).json()
        async with suite.admin as client:
            for path in (f"/v1/customers/{made['id']}", "/v1/customers?page_size=1"):
                first = await client.get(path)
                again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
                assert (again.status_code, again.content) == (304, b"")
            await client.patch(f"/v1/customers/{made['id']}", json={"note": "new"})
            tag = {"if-none-match": first.headers["etag"]}
            assert (await client.get(f"/v1/customers/{made['id']}", headers=tag)).status_code == 200

    async def test_if_match_is_the_version(self, suite: Any) -> None:
        made = await create(suite, "丙")
        path, tag = f"/v1/customers/{made.json()['id']}", made.headers["etag"]
        async with suite.admin as client:
            assert (
                await client.patch(path, json={"note": "a"}, headers={"if-match": tag})
            ).status_code == 200
            lost = await client.patch(path, json={"note": "b"}, headers={"if-match": tag})
            plain = await client.patch(path, json={"note": "b", "etag": made.json()["etag"]})
            every = await client.patch(path, json={"note": "b"}, headers={"if-match": "*"})
        assert (lost.status_code, plain.status_code, every.status_code) == (412, 409, 200)

    async def test_callers_who_see_different_fields_share_no_tag(self, suite: Any) -> None:
        made = (await create(suite, "丁", identifiers=[{"kind": "EMAIL", "value": "d@example.com"}])).json()
        role = await suite.role("masked_reader", ("customers.read", "ALL"), masked_classes=["CONTACT"])
        _, token = await suite.user("masked-reader", role)
        async with suite.admin as client, suite.client(token) as masked:
            full = await client.get(f"/v1/customers/{made['id']}")
            less = await suite.eventually(lambda: masked.get(f"/v1/customers/{made['id']}"))
        assert "d@example.com" in full.text
        assert "d@example.com" not in less.text
        assert full.headers["etag"] != less.headers["etag"]


class TestWire:
    async def test_answers_are_compressed_when_asked_for(self, suite: Any) -> None:
        async with suite.client(**{"accept-encoding": "gzip"}) as client:
            request = client.build_request("GET", "/openapi.json")
            answer = await client.send(request, stream=True)
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw).startswith(b'{"openapi"')

    async def test_every_answer_has_the_security_headers(self, suite: Any) -> None:
        async with suite.admin as client:
            for path in ("/", "/docs", "/v1/customers", "/v1/nothing", "/healthz"):
                headers = (await client.get(path)).headers
                assert headers["x-content-type-options"] == "nosniff", path
                assert headers["x-frame-options"] == "DENY"
                assert "default-src 'none'" in headers["content-security-policy"]

    async def test_answers_are_kept_by_nobody_but_the_caller(self, suite: Any) -> None:
        async with suite.admin as client:
            assert (await client.get("/v1/customers")).headers["cache-control"] == "private, no-cache"
        assert (await create(suite, "戊")).headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/nothing", 404),
            ("GET", "/v1/customers/", 404),
            ("PUT", "/v1/customers", 405),
            ("POST", "/healthz", 405),
            ("GET", "/v1/customers?" + "filter=" + "a" * 9000, 414),
        ],
    )
    async def test_what_is_not_served(self, suite: Any, method: str, path: str, status: int) -> None:
        async with suite.admin as client:
            answer = await client.request(method, path)
        assert answer.status_code == status
        if status == 405:
            assert "GET" in answer.headers["allow"]

    async def test_bodies_are_limited_and_must_be_json(self, suite: Any) -> None:
        async with suite.admin as client:
            large = await client.post("/v1/customers", content=b" " * (4 * 1024 * 1024 + 1))
            form = await client.post("/v1/customers", data={"a": "b"})
            broken = await client.post("/v1/customers", content=b'{"kind"')
        assert (large.status_code, form.status_code, broken.status_code) == (413, 415, 400)

    async def test_a_body_without_a_declared_length_is_limited_too(self, suite: Any) -> None:
        async def endless() -> Any:
            for _ in range(80):
                yield b" " * 65536

        async with suite.admin as client:
            answer = await client.post("/v1/customers", content=endless())
        assert answer.status_code == 413

    async def test_head_is_get_without_the_body(self, suite: Any) -> None:
        async with suite.admin as client:
            head, get = await client.head("/v1/customers"), await client.get("/v1/customers")
        assert (head.content, head.headers["etag"]) == (b"", get.headers["etag"])


class TestBackends:
    async def test_a_service_that_is_down_answers_503_and_when_to_come_back(self, suite: Any) -> None:
        async with suite.admin as client:
            answer = await client.get("/v1/campaigns")
            assert (await client.get("/v1/customers")).status_code == 200
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1

    async def test_a_service_without_an_address_answers_503(self, suite: Any) -> None:
        async with suite.admin as client:
            answer = await client.get("/v1/leads")
        assert (answer.status_code, answer.json()["reason"]) == (503, "BACKEND_UNKNOWN")

    async def test_readiness_is_the_gateways_own_and_tells_the_others(self, suite: Any) -> None:
        async with suite.client() as client:
            answer = await client.get("/readyz")
            every = await client.get("/readyz?backends=all")
        assert answer.status_code == 200
        assert answer.json()["backends"] == {
            "customer": "serving", "identity": "serving", "marketing": "unreachable"
        }  # fmt: skip
        assert every.status_code == 503

    async def test_metrics_name_routes_and_never_addresses(self, suite: Any) -> None:
        async with suite.admin as client:
            await client.get("/v1/customers/0190b6a0-0000-7000-8000-00000000beef")
            await client.get("/v1/secret-path-0190")
            text = (await client.get("/metrics")).text
        assert 'route="/v1/customers/{id}"' in text
        assert "beef" not in text
        assert "secret-path" not in text


class TestOperations:
    async def test_lists_of_all_services_are_one(self, suite: Any) -> None:
        async with suite.admin as client:
            # `marketing` does not answer: an incomplete list would look complete.
            assert (await client.get("/v1/operations")).status_code == 503

    @pytest.mark.parametrize(
        "name",
        ["nobody/0190b6a0-0000-7000-8000-000000000001", "customer/0190b6a0-0000-7000-8000-000000000001"],
    )
    async def test_an_unknown_operation_is_not_found(self, suite: Any, name: str) -> None:
        async with suite.admin as client:
            assert (await client.get(f"/v1/operations/{name}")).status_code == 404
