"""A small client of Taproot's REST API: signs in, repeats harmlessly, reads page by page."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from taproot_local.errors import LocalError
from taproot_local.home import Home

Json = dict[str, Any]
T = TypeVar("T")

PASSING = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 3.0
PAGE = 1000
SHOWN = 600  # characters of a refusal: a batch may break a rule a thousand times


@dataclass(frozen=True)
class Violation:
    """What is wrong with one field of a request."""

    field: str
    description: str


class ApiError(LocalError):
    """The service said no: a problem document after RFC 9457."""

    def __init__(self, request: str, status: int, problem: Json) -> None:
        self.status = status
        self.reason = str(problem.get("reason", ""))
        self.metadata: Json = problem.get("metadata", {})
        self.trace_id = str(problem.get("trace_id", ""))
        self.violations = [
            Violation(str(one.get("field", "")), str(one.get("description", "")))
            for one in problem.get("violations", [])
        ]
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        super().__init__(f"{request}: {status} {self.reason} {self.detail[:SHOWN]}".rstrip())

    @property
    def is_no_fault_of_the_request(self) -> bool:
        """Whether the service could not answer, so that nothing is known about what was asked."""
        return self.status in PASSING or self.status >= 500


class Unreachable(LocalError):
    """Nobody answered for as long as we were willing to wait."""


@dataclass
class Client:
    """One caller. `patience` is how long, in seconds, a call that may be repeated is repeated."""

    http: httpx.AsyncClient
    token: str = ""
    patience: float = 30.0
    traceparent: str = ""
    user: Json = field(default_factory=dict)

    @classmethod
    def open(cls, url: str, *, patience: float = 30.0, connections: int = 40) -> Client:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        return cls(httpx.AsyncClient(base_url=url, timeout=30, limits=limits), patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    def anonymous(self) -> Client:
        """A caller without a name on the same connections."""
        return Client(self.http, patience=self.patience, traceparent=self.traceparent)

    def traced(self, traceparent: str) -> Client:
        """The same caller, whose calls belong to a trace of ours."""
        return Client(self.http, self.token, self.patience, traceparent, self.user)

    async def signed_in(self, user_name: str, password: str) -> Client:
        """Another caller on the same connections."""
        body = {"user_name": user_name, "password": password}
        answer = await self.anonymous().post("/v1/sessions", body, key=str(uuid.uuid4()))
        self.http.cookies.clear()  # the token speaks; a cookie of the last user would speak for everybody
        user = answer["current"]["user"]
        return Client(self.http, answer["token"], self.patience, self.traceparent, user)

    async def get(self, path: str, **params: Any) -> Json:
        return await self._send("GET", path, params=params)

    async def post(self, path: str, body: Json | None = None, *, key: str = "") -> Json:
        """`key` makes repeats by other processes harmless too; without one only our own repeats are."""
        return await self._send("POST", path, json=body or {}, key=key or str(uuid.uuid4()))

    async def patch(self, path: str, body: Json, *, key: str = "") -> Json:
        return await self._send("PATCH", path, json=body, key=key or str(uuid.uuid4()))

    async def delete(self, path: str, *, key: str = "") -> Json:
        return await self._send("DELETE", path, key=key or str(uuid.uuid4()))

    async def pages(self, path: str, items: str = "", **params: Any) -> AsyncIterator[Json]:
        """Every record of a list; `items` is the name of the list in the answer when it is not the path's."""
        name = items or snake(path.rsplit("/", 1)[-1])
        params = {"page_size": PAGE} | params
        while True:
            page = await self.get(path, **params)
            for one in page.get(name, []):
                yield one
            if not page.get("next_page_token"):
                return
            params["page_token"] = page["next_page_token"]

    async def first(self, path: str, filter: str) -> Json | None:  # noqa: A002  # the parameter's name on the wire
        async for one in self.pages(path, filter=filter, page_size=1):
            return one
        return None

    async def made(self, path: str, body: Json, *, key: str = "") -> Json:
        """Create a record whose id we chose; one that is there already is read instead."""
        try:
            return await self.post(path, body, key=key or f"make:{body['id']}")
        except ApiError as error:
            if error.status not in {409, 422}:
                raise
            try:
                return await self.get(f"{path}/{body['id']}")
            except ApiError:
                raise error from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Json | None = None,
        key: str = "",
    ) -> Json:
        deadline = time.monotonic() + self.patience
        pause = 0.05
        while True:
            answer, said = await self._attempt(method, path, params, json, key)
            if answer is not None and answer.status_code not in PASSING:
                return _content(f"{method} {path}", answer)
            wait = max(pause * random.uniform(0.5, 1.0), _asked_to_wait(answer))  # noqa: S311  # spreads load, guards nothing
            if time.monotonic() + wait > deadline:
                if answer is not None:
                    return _content(f"{method} {path}", answer)
                raise Unreachable(f"{method} {path}: no answer within {self.patience:.0f} s ({said})")
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Json | None, key: str
    ) -> tuple[httpx.Response | None, str]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        try:
            return await self.http.request(method, path, params=params, json=json, headers=headers), ""
        except httpx.TransportError as error:
            return None, f"{type(error).__name__} {error}".rstrip()


def _asked_to_wait(answer: httpx.Response | None) -> float:
    text = "" if answer is None else answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0


def _content(request: str, answer: httpx.Response) -> Json:
    try:
        content: Json = answer.json() if answer.content else {}
    except ValueError:
        content = {"detail": answer.text[:200]}
    if answer.is_error:
        raise ApiError(request, answer.status_code, content)
    return content


async def eventually(
    look: Callable[[], Any], seconds: float, what: str, *, pause: float = 0.02, longest: float = 0.25
) -> Any:
    """The first true answer of the asynchronous `look`, within that time."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise LocalError(f"{what} did not happen within {seconds:.0f} s.")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, longest)


def snake(name: str) -> str:
    """`slaPolicies` -> `sla_policies`: lists have the resource's name in their answers."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def local_url(server: str | None = None) -> str:
    """The address given, else of the Taproot that runs from the state directory."""
    if server:
        return server.rstrip("/")
    state = Home.current().state()
    if not state:
        raise LocalError("Taproot is not running here: start it by `make up`, or name another by --server.")
    return str(state["http_url"])


def admin_password() -> str:
    path = Home.current().admin_password
    if not path.exists():
        raise LocalError(f"There is no {path}: give the password by TAPROOT_PASSWORD.")
    return path.read_text().strip()


def mail_url() -> str:
    return str(Home.current().state().get("mail_url", ""))


async def read_mail(http: httpx.AsyncClient, url: str) -> list[Json]:
    """Messages of the local mail sink, newest first."""
    answer = await http.get(f"{url}/messages.json")
    answer.raise_for_status()
    messages: list[Json] = answer.json()
    return messages


async def in_parallel(work: list[Callable[[], Any]], width: int) -> list[Any]:
    """Run asynchronous jobs, at most `width` at a time; the first failure ends them all."""
    results: list[Any] = [None] * len(work)
    queue = iter(enumerate(work))

    async def runner() -> None:
        for number, job in queue:
            results[number] = await job()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(width, len(work))):
                group.create_task(runner())
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return results
