"""Over a real socket, with the real server."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class TestServer:
    async def test_serves_pages_and_calls(self, gateway: Any) -> None:
        port = gateway.harness.runtime.settings.http_port
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for path, content_type in (
                ("/", "text/html"), ("/docs", "text/html"), ("/docs.js", "text/javascript"), ("/style.css", "text/css"),
                ("/openapi.json", "application/json"), ("/healthz", "application/json"), ("/metrics", "text/plain"),
            ):  # fmt: skip
                answer = await client.get(path)
                assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
                    200,
                    content_type,
                ), path
            token = {"authorization": f"Bearer {gateway.admin_token}"}
            assert (await client.get("/v1/sessions/current", headers=token)).json()["user"][
                "user_name"
            ] == "admin"
            assert (
                await client.get("/v1/users/a%2Fb", headers=token)
            ).status_code == 400  # one segment, no uuid

    async def test_many_at_once(self, gateway: Any) -> None:
        port = gateway.harness.runtime.settings.http_port
        headers = {"authorization": f"Bearer {gateway.admin_token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            answers = await asyncio.gather(*(client.get("/v1/roles") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
