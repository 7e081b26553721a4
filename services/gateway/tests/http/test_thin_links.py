"""What keeps answers small and requests few: encodings, partial answers, many records in one."""

from __future__ import annotations

from typing import Any

import brotli
import pytest
import zstandard

from taproot_gateway.http.compression import preferred

NOWHERE = "0190b6a0-0000-7000-8000-00000000beef"


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("zstd;q=0, *", "br"),
        ("*;q=0", ""),
        ("identity", ""),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip", "gzip"),
        ("GZIP ; Q=0.8", "gzip"),
        ("gzip;q=nonsense", ""),
        ("deflate", ""),
        ("", ""),
    ],
)
def test_the_encoding_the_caller_likes_best(header: str, encoding: str) -> None:
    assert preferred(header) == encoding


async def customers(suite: Any, *names: str) -> list[dict[str, Any]]:
    return [await suite.create("/v1/customers", kind="PERSON", display_name=name) for name in names]


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["zstd", "br"])
    async def test_large_answers_are_packed(self, suite: Any, encoding: str) -> None:
        async with suite.client(**{"accept-encoding": encoding}) as client:
            request = client.build_request("GET", "/openapi.json")
            answer = await client.send(request, stream=True)
            raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers["content-encoding"] == encoding
        assert "accept-encoding" in answer.headers["vary"]
        plain = (
            brotli.decompress(raw)
            if encoding == "br"
            else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
        )
        assert plain.startswith(b'{"openapi"')

    async def test_small_answers_are_not(self, suite: Any) -> None:
        async with suite.client(suite.admin_token, **{"accept-encoding": "gzip"}) as client:
            answer = await client.get("/v1/teams?page_size=1")
        assert "content-encoding" not in answer.headers


class TestPartialAnswers:
    async def test_only_what_is_asked_for_comes(self, suite: Any) -> None:
        [made] = await customers(suite, "partial")
        async with suite.admin as client:
            one = await client.get(f"/v1/customers/{made['id']}?fields=id,display_name")
            listed = await client.get("/v1/customers?page_size=1&fields=customers(id)")
            whole = await client.get(f"/v1/customers/{made['id']}")
        assert one.json() == {"id": made["id"], "display_name": "partial"}
        assert [list(found) for found in listed.json()["customers"]] == [["id"]]
        assert one.headers["etag"] != whole.headers["etag"]

    async def test_the_tag_of_a_part_still_names_the_version(self, suite: Any) -> None:
        [made] = await customers(suite, "part")
        path = f"/v1/customers/{made['id']}"
        async with suite.admin as client:
            part = await client.get(f"{path}?fields=id")
            again = await client.get(f"{path}?fields=id", headers={"if-none-match": part.headers["etag"]})
            tag = {"if-match": part.headers["etag"]}
            written = await client.patch(f"{path}?fields=note", json={"note": "n"}, headers=tag)
            late = await client.patch(path, json={"note": "m"}, headers=tag)
        assert again.status_code == 304
        assert (written.status_code, written.json()) == (200, {"note": "n"})
        assert late.status_code == 412

    async def test_unknown_names_are_told(self, suite: Any) -> None:
        async with suite.admin as client:
            answer = await client.get("/v1/customers?fields=customers(nope)")
        assert answer.status_code == 400
        assert answer.json()["violations"][0]["field"] == "fields"


class TestBatches:
    async def test_many_records_in_one_answer(self, suite: Any) -> None:
        made = await customers(suite, "batch a", "batch b")
        ids = [made[1]["id"], made[0]["id"], NOWHERE, made[0]["id"]]
        async with suite.admin as client:
            answer = await client.get("/v1/customers:batchGet", params={"ids": ",".join(ids)})
            part = await client.get("/v1/customers:batchGet", params={"ids": ids[0], "fields": "id"})
            again = await client.get(
                "/v1/customers:batchGet", params={"ids": ids[0]}, headers={"if-none-match": "*"}
            )
        assert answer.json() == {"customers": [made[1], made[0]], "missing": [NOWHERE]}
        assert part.json() == {"customers": [{"id": ids[0]}], "missing": []}
        assert again.status_code == 304

    async def test_rights_hold_for_each(self, suite: Any) -> None:
        [made] = await customers(suite, "not yours")
        role = await suite.role("own_only", ("customers.read", "OWN"))
        _, token = await suite.user("batch-reader", role)
        params = {"ids": made["id"]}
        async with suite.client(token) as client, suite.client() as nobody:
            own = await suite.eventually(lambda: client.get("/v1/customers:batchGet", params=params))
            assert (await client.get("/v1/segments:batchGet", params=params)).status_code == 403
            assert (await nobody.get("/v1/customers:batchGet", params=params)).status_code == 401
        assert own.json() == {"customers": [], "missing": [made["id"]]}

    @pytest.mark.parametrize(
        "ids", ["", ",".join(f"0190b6a0-0000-7000-8000-{n:012d}" for n in range(101)), "x"]
    )
    async def test_wrong_ids(self, suite: Any, ids: str) -> None:
        async with suite.admin as client:
            answer = await client.get("/v1/customers:batchGet", params={"ids": ids})
        assert answer.status_code == 400
        assert answer.json()["violations"]
