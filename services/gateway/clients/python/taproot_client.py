"""A client of Taproot's REST API, of the standard library alone: one file to copy.

    with Taproot("https://crm.example.com", key="tk_...") as crm:
        made = crm.post("/v1/customers", {"kind": "PERSON", "display_name": "李娜"})
        for customer in crm.list("/v1/customers", filter='status = WON', fields="customers(id,display_name)"):
            ...
        for notice in crm.events(types="order.*"):
            ...

Repeats what may be repeated: reads, and writes by their Idempotency-Key.
"""

# ruff: noqa: INP001  # one file to copy, no package

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]
PASSING = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Violation:
    """What is wrong with one field of a request."""

    field: str
    description: str


class Problem(Exception):
    """The service said no (RFC 9457). `reason` is stable; `violations` names every field."""

    def __init__(self, status: int, body: Json) -> None:
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.violations = [
            Violation(str(one["field"]), str(one["description"])) for one in body.get("violations", [])
        ]
        self.trace_id = str(body.get("trace_id", ""))
        super().__init__(f"{status} {self.reason} {body.get('detail') or body.get('title', '')}".strip())


@dataclass(frozen=True)
class Answer:
    """A JSON answer with the tag of its version."""

    status: int
    body: Json
    etag: str


@dataclass
class Taproot:
    """One caller. `key`: an API key or the token of a session. `patience`: seconds to go on trying."""

    url: str
    key: str
    patience: float = 60.0
    seconds: float = 30.0
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, **parameters: str | int) -> Json:
        return self.call("GET", path, parameters=parameters).body

    def get_many(self, path: str, ids: list[str], **parameters: str | int) -> Json:
        """Up to 100 records of `/v1/customers` by their ids in one round trip; `missing` names the others."""
        return self.get(f"{path}:batchGet", ids=",".join(ids), **parameters)

    def post(self, path: str, body: Json | None = None, idempotency_key: str = "") -> Json:
        return self.call("POST", path, body=body or {}, idempotency_key=idempotency_key).body

    def patch(self, path: str, body: Json, etag: str = "") -> Json:
        """`None` in the body clears a field. With `etag`, raises Problem 412 when the record has changed."""
        return self.call("PATCH", path, body=body, etag=etag).body

    def delete(self, path: str, etag: str = "") -> Json:
        return self.call("DELETE", path, etag=etag).body

    def list(self, path: str, **parameters: str | int) -> Iterator[Json]:
        """Every record of a list, page by page. With `fields`, name `next_page_token` too."""
        token = ""
        while True:
            page = self.get(path, **parameters, **({"page_token": token} if token else {}))
            yield from next((one for one in page.values() if isinstance(one, list)), [])
            token = str(page.get("next_page_token", ""))
            if not token:
                return

    def call(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: Json | None = None,
        etag: str = "",
        if_none_match: str = "",
        idempotency_key: str = "",
    ) -> Answer:
        """Raises Problem; an answer of status 304 has no body."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())} if method != "GET" else {}
        if etag:
            headers["If-Match"] = etag
        if if_none_match:
            headers["If-None-Match"] = if_none_match
        data = json.dumps(body).encode() if body is not None else None
        target = path + (f"?{urlencode(parameters)}" if parameters else "")
        return self._patiently(method, target, data, headers)

    def _patiently(self, method: str, target: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        until, pause = time.monotonic() + self.patience, 0.25
        while True:
            wait = pause * _some()
            try:
                answer, retry_after = self._once(method, target, data, headers)
            except (OSError, http.client.HTTPException):
                self.close()
                if time.monotonic() + wait > until:
                    raise
            else:
                wait = max(wait, retry_after)
                if answer.status < 400:
                    return answer
                if answer.status not in PASSING or time.monotonic() + wait > until:
                    raise Problem(answer.status, answer.body)
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(
        self, method: str, target: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[Answer, float]:
        if self._connection is None:
            self._connection = self._open(self.seconds)
        sent = self._headers() | headers | {"Accept-Encoding": "gzip"}
        if data is not None:
            sent["Content-Type"] = "application/json"
        self._connection.request(method, target, data, sent)
        response = self._connection.getresponse()
        raw = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        found = json.loads(raw) if raw and "json" in response.getheader("Content-Type", "") else {}
        wait = response.getheader("Retry-After", "")
        answer = Answer(response.status, found, response.getheader("ETag", ""))
        return answer, float(wait) if wait.isdigit() else 0.0

    def events(self, last_id: str = "", **parameters: str) -> Iterator[Json]:
        """Live events for ever, across broken links; `{"event": "reset"}` says that some were missed."""
        pause = 0.5
        while True:
            try:
                for position, notice in self._listen(last_id, parameters):
                    last_id, pause = position, 0.5
                    if notice is not None:
                        yield notice
            except (OSError, http.client.HTTPException):
                pass
            except Problem as problem:
                if problem.status not in PASSING:
                    raise
            time.sleep(pause * _some())
            pause = min(pause * 2, LONGEST_PAUSE)

    def _listen(self, last_id: str, parameters: Mapping[str, str]) -> Iterator[tuple[str, Json | None]]:
        connection = self._open(60.0)  # a sign of life comes every 15 seconds
        try:
            headers = self._headers() | ({"Last-Event-ID": last_id} if last_id else {})
            query = f"?{urlencode(parameters)}" if parameters else ""
            connection.request("GET", f"/v1/events{query}", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise Problem(response.status, json.loads(response.read() or b"{}"))
            lines: dict[str, str] = {}
            while raw := response.readline():
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name:
                    lines[name] = value
                    continue
                last_id = lines.get("id", last_id)
                yield last_id, _notice(lines)
                lines = {}
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def _open(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.netloc, timeout=seconds)


def _some() -> float:
    """So that many who failed together do not come again together."""
    return random.uniform(0.5, 1.5)  # noqa: S311


def _notice(lines: Mapping[str, str]) -> Json | None:
    """None for a sign of life, and for the end of a stream, which is opened again."""
    if "data" not in lines or lines.get("event") == "end":
        return None
    found: Json = json.loads(lines["data"])
    return found | {"event": "reset"} if lines.get("event") == "reset" else found


def quoted(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")
