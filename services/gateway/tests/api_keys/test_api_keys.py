from __future__ import annotations

from typing import Any


class TestApiKeys:
    async def test_needs_the_permission(self, gateway: Any) -> None:
        _, nobody = await gateway.user("keyless")
        async with gateway.client(nobody) as client:
            assert (await client.post("/v1/apiKeys", json={"display_name": "x"})).status_code == 403

    async def test_a_key_calls_in_the_name_of_its_user_until_it_is_deleted(self, gateway: Any) -> None:
        role = await gateway.role("keyed", ("api_keys.create", "OWN"), ("users.read", "OWN"))
        made, token = await gateway.user("keyed", role)
        async with gateway.client(token) as client:
            created = (await client.post("/v1/apiKeys", json={"display_name": "nightly"})).json()
        assert created["key"].startswith(created["api_key"]["prefix"])
        async with gateway.client(created["key"]) as client:
            assert [u["id"] for u in (await client.get("/v1/users")).json()["users"]] == [made["id"]]
            current = (await client.get("/v1/sessions/current")).json()
            assert "session" not in current
            listed = (await client.get("/v1/apiKeys")).json()["api_keys"]
            assert [one["display_name"] for one in listed] == ["nightly"]
            assert created["key"] not in str(listed)
            assert (await client.delete(f"/v1/apiKeys/{created['api_key']['id']}")).status_code == 200
            assert (await client.get("/v1/sessions/current")).status_code == 401

    async def test_a_stranger_does_not_delete_it(self, gateway: Any) -> None:
        role = await gateway.role("keyed2", ("api_keys.create", "OWN"))
        _, owner = await gateway.user("key-owner", role)
        _, stranger = await gateway.user("key-stranger")
        async with gateway.client(owner) as client:
            key = (await client.post("/v1/apiKeys", json={"display_name": "x"})).json()["api_key"]
        async with gateway.client(stranger) as client:
            assert (await client.delete(f"/v1/apiKeys/{key['id']}")).status_code == 404

    async def test_expiry_and_number_are_limited(self, gateway: Any) -> None:
        role = await gateway.role("keyed3", ("api_keys.create", "OWN"))
        _, token = await gateway.user("many-keys", role)
        async with gateway.client(token) as client:
            far = {"display_name": "x", "expire_time": "2099-01-01T00:00:00Z"}
            answer = await client.post("/v1/apiKeys", json=far)
            assert [one["field"] for one in answer.json()["violations"]] == ["api_key.expire_time"]
            answers = [await client.post("/v1/apiKeys", json={"display_name": str(n)}) for n in range(21)]
        assert [a.status_code for a in answers] == [200] * 20 + [409]

    async def test_a_repeat_makes_no_second_key_and_does_not_show_the_first_again(self, gateway: Any) -> None:
        role = await gateway.role("keyed4", ("api_keys.create", "OWN"))
        _, token = await gateway.user("repeats-keys", role)
        async with gateway.client(token) as client:
            headers = {"idempotency-key": "once"}
            answers = [
                await client.post("/v1/apiKeys", json={"display_name": "x"}, headers=headers)
                for _ in range(2)
            ]
            first, second = (answer.json() for answer in answers)
            assert len((await client.get("/v1/apiKeys")).json()["api_keys"]) == 1
        assert first["key"]
        assert "key" not in second
        assert second["api_key"]["id"] == first["api_key"]["id"]

    async def test_they_are_listed_by_pages_filtered_and_ordered(self, gateway: Any) -> None:
        role = await gateway.role("keyed5", ("api_keys.create", "OWN"))
        _, token = await gateway.user("lists-keys", role)
        async with gateway.client(token) as client:
            for name in ("b", "a", "c"):
                assert (await client.post("/v1/apiKeys", json={"display_name": name})).status_code == 200
            asked = {"page_size": 2, "order_by": "display_name", "filter": 'display_name != "b"'}
            every = (await client.get("/v1/apiKeys", params=asked)).json()
            first = (await client.get("/v1/apiKeys", params={"page_size": 2})).json()
            more = {"page_size": 2, "page_token": first["next_page_token"]}
            second = (await client.get("/v1/apiKeys", params=more)).json()
            hidden = await client.get("/v1/apiKeys", params={"filter": 'key_hash = "x"'})
        assert [one["display_name"] for one in every["api_keys"]] == ["a", "c"]
        pages = [[one["display_name"] for one in page["api_keys"]] for page in (first, second)]
        assert pages == [["c", "a"], ["b"]]
        assert [one["field"] for one in hidden.json()["violations"]] == ["filter"]
