"""The description of the API shows the fields of the enterprise as they are now."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from openapi_spec_validator import validate


async def described(client: httpx.AsyncClient, tag: str = "") -> httpx.Response:
    return await client.get("/openapi.json", headers={"if-none-match": tag} if tag else {})


async def shown(client: httpx.AsyncClient, schema: str, key: str) -> Any:
    """The property, once the gateway has heard of the definition."""
    for _ in range(400):
        document = (await described(client)).json()
        custom = document["components"]["schemas"].get(schema, {}).get("properties", {}).get("custom", {})
        if key in custom.get("properties", {}):
            return custom["properties"][key]
        await asyncio.sleep(0.05)
    raise AssertionError(f"{key} is not shown")


async def test_a_new_field_is_shown_without_a_restart_and_the_tag_changes(suite: Any) -> None:
    async with suite.admin as client:
        before = await described(client)
        tag = before.headers["etag"]
        assert (await described(client, tag)).status_code == 304
        tier = {"resource_type": "customer", "key": "tier", "type": "ENUM", "filterable": True,
                "labels": {"en": "Tier"}, "options": [{"key": "gold"}, {"key": "blue"}]}  # fmt: skip
        made = (await client.post("/v1/customFields", json=tier)).json()
        assert await shown(client, "customer.Customer", "tier") == {
            "type": "string", "enum": ["gold", "blue"], "title": "Tier", "x-filterable": True
        }  # fmt: skip
        after = await described(client, tag)
        assert after.status_code == 200
        assert after.headers["etag"] != tag
        await client.delete(f"/v1/customFields/{made['id']}")


async def test_objects_of_each_type_have_a_schema_of_their_own(suite: Any) -> None:
    async with suite.admin as client:
        await client.post("/v1/objectTypes", json={"key": "boat"})
        for body in (
            {"key": "length", "type": "DECIMAL", "scale": 1, "required": True},
            {"key": "price", "type": "MONEY"},
            {"key": "harbours", "type": "MULTI_ENUM", "options": [{"key": "qingdao"}]},
        ):
            answer = await client.post("/v1/customFields", json={"resource_type": "objects_boat"} | body)
            assert answer.status_code == 200, answer.text
        assert (await shown(client, "customer.Object.boat", "harbours"))["items"]["enum"] == ["qingdao"]
        document = (await described(client)).json()
        custom = document["components"]["schemas"]["customer.Object.boat"]["properties"]["custom"]
        assert custom["x-required-on-create"] == ["length"]
        assert custom["additionalProperties"] is False
        validate(document)
