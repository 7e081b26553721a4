"""The ASGI application: pages by path, everything else by the routes of the contracts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from taproot_base import telemetry
from taproot_base.errors import AppError
from taproot_gateway.http import security
from taproot_gateway.http.calls import IDENTITY, Calls, Handler, Refused, problem_answer
from taproot_gateway.http.exchange import Answer, Header, Receive, Request, Scope, Send, send_answer
from taproot_gateway.transcoding.problems import Problem, from_app_error, invalid
from taproot_gateway.transcoding.requests import Invalid
from taproot_gateway.transcoding.routes import Route, Router

MAX_TARGET = 8_000
"""Longest path with its query, in bytes."""

_seconds = Histogram(
    "taproot_http_seconds",
    "Duration of HTTP requests",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_answers = Counter("taproot_http_answers_total", "HTTP answers", ["method", "route", "status"])


Stream = Callable[[Request, Send, list[Header]], Awaitable[None]]
"""An answer without an end, with headers to add. Raises Refused, Invalid and AppError before it begins."""


class App:
    def __init__(
        self,
        router: Router,
        calls: Calls,
        pages: Mapping[str, Handler],
        *,
        proxies: int = 0,
        origins: Iterable[str] = (),
        streams: Mapping[str, Stream] | None = None,
        mounts: Mapping[str, Handler] | None = None,
    ) -> None:
        self._mounts = mounts or {}
        self._streams = streams or {}
        self._router = router
        self._calls = calls
        self._pages = pages
        self._proxies = proxies
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            request = Request.read(scope, receive, self._proxies)
            if request.unclear:
                await send_answer(send, request, problem_answer(_unclear(request.unclear)))
            elif mount := next((one for one in self._mounts if request.path.startswith(one)), ""):
                await self._mounted(mount, request, send)
            elif request.path in self._streams and request.method in ("GET", "HEAD"):
                await self._stream(self._streams[request.path], request, send)
            else:
                await self._serve(request, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _mounted(self, prefix: str, request: Request, send: Send) -> None:
        """What has a protocol of its own; `prefix` names it in the metrics."""
        started = time.perf_counter()
        try:
            answer = await self._mounts[prefix](request)
        except Exception:  # noqa: BLE001 - a defect: logged once, told to nobody
            telemetry.logger.exception("gateway_error", route=prefix)
            answer = problem_answer(Problem(500, "Something went wrong", reason="INTERNAL"))
        await send_answer(send, request, answer)
        _seconds.labels("any", prefix).observe(time.perf_counter() - started)
        _answers.labels("any", prefix, answer.status).inc()

    async def _serve(self, request: Request, send: Send) -> None:
        started = time.perf_counter()
        method = "GET" if request.method == "HEAD" else request.method
        page = self._pages.get(request.path) if method == "GET" else None
        found = None if page else self._router.find(method, request.path)
        if found is not None:
            route, values = found
            label = route.template.text
            answer, extra = await self._routed(route, values, request)
        else:
            label = request.path if page else "none"
            answer, extra = await self._paged(page, request), []
        await send_answer(send, request, answer, extra)
        # Only known labels: a caller could otherwise fill the memory with names.
        name = method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        _seconds.labels(name, label).observe(time.perf_counter() - started)
        _answers.labels(name, label, answer.status).inc()

    async def _stream(self, stream: Stream, request: Request, send: Send) -> None:
        origin = request.headers.get("origin", "")
        extra = security.cors(origin, credentials=True) if origin in self._origins else []
        try:
            await stream(request, send, extra)
        except Exception as error:  # noqa: BLE001 - told as a problem, a defect is logged
            answer = _told(error, request.path)
            await send_answer(send, request, answer, extra)
            _answers.labels(request.method, request.path, answer.status).inc()
        else:
            _answers.labels(request.method, request.path, 200).inc()

    async def _routed(
        self, route: Route, values: dict[str, str], request: Request
    ) -> tuple[Answer, list[Header]]:
        with telemetry.span(
            f"{route.http_method} {route.template.text}",
            {
                "http.request.method": request.method,
                "http.route": route.template.text,
                telemetry.WRITE: route.writes,
            },
            kind=SpanKind.SERVER,
            parent=telemetry.remote_context(request.headers.get("traceparent", "")),
        ) as span:
            answer = await self._guarded(route, values, request)
            span.set_attribute("http.response.status_code", answer.status)
            extra = [(b"traceparent", telemetry.traceparent().encode())]
        origin = request.headers.get("origin", "")
        if origin:
            extra += self._cors(origin, [route])
        return answer, extra

    async def _guarded(self, route: Route, values: dict[str, str], request: Request) -> Answer:
        if len(request.path) + len(request.query) > MAX_TARGET:
            return problem_answer(Problem(414, "The address is too long", reason="ADDRESS_TOO_LONG"))
        try:
            return await self._calls.answer(route, values, request)
        except Exception as error:  # noqa: BLE001 - told as a problem, a defect is logged
            return _told(error, route.template.text)

    async def _paged(self, page: Handler | None, request: Request) -> Answer:
        if page is not None:
            return await page(request)
        plain = request.path in self._pages or request.path in self._streams
        allowed = ["GET", "HEAD"] if plain else self._router.methods(request.path)
        if not allowed:
            return problem_answer(Problem(404, "There is nothing here", reason="NO_ROUTE"))
        headers: list[Header] = [(b"allow", ", ".join(allowed).encode())]
        if request.method == "OPTIONS":
            return Answer(204, headers=headers + self._preflight(request, allowed))
        answer = problem_answer(Problem(405, "This method is not served here", reason="METHOD_NOT_ALLOWED"))
        answer.headers += headers
        return answer

    def _preflight(self, request: Request, allowed: list[str]) -> list[Header]:
        origin = request.headers.get("origin", "")
        found = [self._router.find(method, request.path) for method in allowed]
        if not origin or not self._cors(origin, [one[0] for one in found if one]):
            return []
        return security.preflight(origin, allowed, credentials=origin in self._origins)

    def _cors(self, origin: str, routes: list[Route]) -> list[Header]:
        """Origins that are set may do all, any page may use what is public, such as a web form."""
        if origin in self._origins:
            return security.cors(origin, credentials=True)
        if any(route.access.permission == "public" and route.backend != IDENTITY for route in routes):
            return security.cors(origin, credentials=False)
        return []


def _told(error: Exception, where: str) -> Answer:
    """A failure as the caller sees it. A defect is logged once with its trace id and told to nobody."""
    if isinstance(error, Refused):
        return problem_answer(error.problem)
    if isinstance(error, Invalid):
        return problem_answer(invalid(error.violations))
    if isinstance(error, AppError):
        answer = problem_answer(from_app_error(error))
        answer.headers += getattr(error, "headers", [])
        return answer
    telemetry.logger.error("gateway_error", route=where, exc_info=error)
    return problem_answer(Problem(500, "Something went wrong", reason="INTERNAL"))


def _unclear(header: str) -> Problem:
    return Problem(400, "The request can be read in two ways", f"see the header {header}", "UNCLEAR_HEADERS")


async def _lifespan(receive: Receive, send: Send) -> None:
    """Channels and pools belong to the process, which outlives the server: nothing to do here."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
