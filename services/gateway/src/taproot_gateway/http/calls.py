"""One REST call: who calls, may the browser, what is asked, the call itself, and the answer."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf.message import Message

from taproot_base import telemetry
from taproot_base.errors import AppError
from taproot_chassis.interceptor import status_of
from taproot_gateway import operations
from taproot_gateway.backends import Backends, Metadata, UnknownBackend
from taproot_gateway.callers import Caller, Callers
from taproot_gateway.http import conditional, security
from taproot_gateway.http.batches import batch_cost, read_batch
from taproot_gateway.http.exchange import Answer, BodyTooLarge, BodyTooSlow, Header, Request
from taproot_gateway.http.limits import Limiter
from taproot_gateway.http.security import Cookies, Credential
from taproot_gateway.refusals import CREDENTIAL_INVALID, Refusals
from taproot_gateway.saved_views.applying import Views
from taproot_gateway.transcoding import problems
from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.problems import Problem
from taproot_gateway.transcoding.requests import HttpRequest, Invalid
from taproot_gateway.transcoding.routes import OPERATIONS, Payload, Route
from taproot_gateway.transcoding.selection import (
    PARAMETER,
    InvalidSelection,
    Tree,
    compile_selection,
    take_fields,
)

IDENTITY = "identity"
CALL_SECONDS = 15.0
LONG_CALL_SECONDS = 60.0
_LONG = ("Wait", "Download", "Upload", "Export")
_JSON_TYPES = ("application/json", "application/merge-patch+json")


class Refused(Exception):
    """The gateway itself says no."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Limits:
    body: int = 4 * 1024 * 1024
    upload: int = 32 * 1024 * 1024


AfterCall = Callable[[Message, Any], list[Header]]
"""(request, response) -> headers to add; may change the response before it is encoded."""


class Calls:
    def __init__(
        self,
        backends: Backends,
        callers: Callers,
        cookies: Cookies,
        limits: Limits,
        limiter: Limiter,
        refusals: Refusals,
        origins: Iterable[str] = (),
        after: dict[str, AfterCall] | None = None,
        views: Views | None = None,
    ) -> None:
        self._backends = backends
        self._operations = operations.Operations(backends)
        self._callers = callers
        self._cookies = cookies
        self._limits = limits
        self._limiter = limiter
        self._refusals = refusals
        self._origins = frozenset(origins)
        self._after = after or {}
        self._views = views

    async def answer(self, route: Route, values: dict[str, str], request: Request) -> Answer:
        self._backends.require_room()
        caller, credential = await self._caller(route, request)
        cost = batch_cost(request.query) if route.batch else 1
        paid = await self._limiter.admit(caller, credential, request.client, cost)
        answer = await self._answer(route, values, request, caller)
        answer.headers += self._limiter.headers(paid)
        return answer

    async def _answer(self, route: Route, values: dict[str, str], request: Request, caller: Caller) -> Answer:
        conditional_write = bool(request.headers.get("if-match"))
        metadata = self._metadata(route, caller, request)
        try:
            if self._views is not None:
                principal = caller.identity.principal
                request.query = await self._views.applied(route, request.query, principal)
            tree = _selection(route, request)
            if route.batch:
                read = functools.partial(self._call, route, metadata=metadata)
                return self._ok(route, request, await read_batch(route, request.query, tree, read), [])
            message = await self._message(route, values, request)
            response = await self._call(route, message, metadata)
        except Invalid as error:
            return problem_answer(problems.invalid(error.violations))
        except grpc.aio.AioRpcError as error:
            return problem_answer(problems.from_rpc_error(error, conditional=conditional_write))
        after = self._after.get(route.grpc_path)
        extra = after(message, response) if after else []
        if route.backend == IDENTITY and route.writes:
            self._callers.forget_all()
        return self._ok(route, request, route.encode(response, tree), extra)

    async def sign_in(self, request: Request) -> tuple[Caller, str, list[Header]]:
        """Who calls for something that is no RPC, and with what. Raises Refused, RateLimited."""
        caller, credential = await self._identify(request, "", f"http {request.path}", public=False)
        return (
            caller,
            credential,
            self._limiter.headers(await self._limiter.admit(caller, credential, request.client)),
        )

    async def _caller(self, route: Route, request: Request) -> tuple[Caller, str]:
        service = route.method.containing_service.full_name
        public = route.access.permission == "public"
        return await self._identify(request, service, route.grpc_path.lstrip("/"), public=public)

    async def _identify(
        self, request: Request, service: str, method: str, *, public: bool
    ) -> tuple[Caller, str]:
        """Who calls, and with what; an empty credential for nobody."""
        credential = self._cookies.credential(request)
        caller = await self._callers.find(credential.value) if credential else None
        if caller is not None and credential is not None and not self._own_page(request, credential):
            if not public:
                self._refusals.note("CROSS_SITE_REQUEST", method, request.client, caller.principal)
                raise Refused(
                    Problem(403, "The request comes from another site", reason="CROSS_SITE_REQUEST")
                )
            caller = None
        if caller is None:
            if not public:
                if credential is not None:  # a guess, which was looked up
                    self._refusals.note(CREDENTIAL_INVALID, method, request.client)
                    await self._limiter.admit(self._callers.anonymous(), "", request.client)
                raise Refused(_unauthenticated(credential))
            return self._callers.anonymous(), ""
        refusal = caller.identity.refusal(service)
        if refusal is not None and not public:
            self._refusals.note(refusal.reason, method, request.client, caller.principal)
            raise Refused(Problem(403, refusal.title, reason=refusal.reason))
        return caller, credential.value if credential is not None else ""

    def _own_page(self, request: Request, credential: Credential) -> bool:
        """What a browser sends by itself proves nothing: with a cookie, a write must come from our pages."""
        if not credential.from_cookie or request.method in security.SAFE_METHODS:
            return True
        return security.same_site(request, self._origins)

    async def _message(self, route: Route, values: dict[str, str], request: Request) -> Message:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        raw = route.builder.raw
        try:
            body = await request.body(self._limits.upload if raw else self._limits.body)
        except BodyTooLarge as error:
            raise Refused(Problem(413, "The body is too large", str(error), "BODY_TOO_LARGE")) from error
        except BodyTooSlow as error:
            raise Refused(Problem(408, "The body did not arrive in time", reason="BODY_TOO_SLOW")) from error
        if body and content_type not in ("", *_JSON_TYPES) and not raw:
            detail = f"send application/json, not {content_type}"
            raise Refused(Problem(415, "The body is not JSON", detail, "MEDIA_TYPE_NOT_SUPPORTED"))
        return route.builder.build(
            HttpRequest(
                values=values,
                query=request.query,
                body=body,
                content_type=content_type or "application/octet-stream",
                request_id=request.headers.get("idempotency-key", ""),
                etag=conditional.version_asked(request.headers.get("if-match", "")),
            )
        )

    async def _call(self, route: Route, message: Message, metadata: Metadata) -> Message:
        seconds = LONG_CALL_SECONDS if route.method.name.startswith(_LONG) else CALL_SECONDS
        data = message.SerializeToString()
        try:
            if route.backend == OPERATIONS:
                raw = await self._operations.call(route.grpc_path, data, metadata, seconds)
            else:
                raw = await self._backends.call(route.backend, route.grpc_path, data, metadata, seconds)
        except AppError as error:
            status = status_of(error)
            code = getattr(grpc.StatusCode, error.kind.value)
            details = status.SerializeToString()
            raise Refused(problems.from_status(code, status.message, details, conditional=False)) from error
        except UnknownBackend as error:
            detail = f"no address is set for the service {route.backend}"
            raise Refused(Problem(503, "The service is not available", detail, "BACKEND_UNKNOWN")) from error
        return route.parse_response(raw)

    def _metadata(self, route: Route, caller: Caller, request: Request) -> Metadata:
        base = (("authorization", f"Bearer {caller.token}"), ("traceparent", telemetry.traceparent()))
        if route.backend != IDENTITY:
            return base
        agent = request.headers.get("user-agent", "").encode("ascii", "ignore").decode()[:200]
        return (*base, *identity_metadata(caller, request.client, agent))

    def _ok(self, route: Route, request: Request, payload: Payload, extra: list[Header]) -> Answer:
        tag = conditional.entity_tag(payload)
        headers: list[Header] = [*extra, (b"etag", tag.encode())]
        if payload.file_name:
            headers.append((b"content-disposition", saved_as(payload.file_name)))
        # `private, no-cache`: a browser may keep its own copy but asks each time whether it still holds.
        reading = route.http_method == "GET" and payload.content_type == "application/json"
        cache = b"private, no-cache" if reading else b"no-store"
        if reading and conditional.not_modified(request.headers.get("if-none-match", ""), tag):
            return Answer(304, headers=headers, cache=cache)
        return Answer(200, payload.body, payload.content_type, headers, cache)


def _selection(route: Route, request: Request) -> Tree:
    """What of the answer is wanted; takes `fields` out of the query. Raises Invalid."""
    if PARAMETER not in request.query or PARAMETER in route.method.input_type.fields_by_name:
        return {}
    text, request.query = take_fields(request.query)
    try:
        return compile_selection(route.method.output_type, text) if text else {}
    except InvalidSelection as error:
        raise Invalid([Violation(PARAMETER, str(error))]) from None


def saved_as(file_name: str) -> bytes:
    """A file is saved, never shown in place, whatever it holds. Names in any script: RFC 6266."""
    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}".encode()


def identity_metadata(caller: Caller, address: str, agent: str) -> Metadata:
    """What only the identity service is told. It checks that the session is the caller's own."""
    return (
        ("x-client-address", address.encode("ascii", "ignore").decode()[:64]),
        ("x-client-agent", agent),
        ("x-session-id", caller.identity.session_id),
    )


def problem_answer(problem: Problem) -> Answer:
    trace_id = telemetry.trace_id_of(telemetry.traceparent())
    return Answer(problem.status, problem.body(trace_id), problems.CONTENT_TYPE, problem.headers())


def _unauthenticated(credential: Credential | None) -> Problem:
    if credential is None:
        return Problem(401, "Sign in first", reason="CREDENTIALS_MISSING")
    return Problem(
        401, "Sign in again", "the session or key is not valid or has ended", "CREDENTIALS_INVALID"
    )


Handler = Callable[[Request], Awaitable[Answer]]
