"""The calendar of a user at an address that calendar programs can subscribe to: its key stands in the address."""

from __future__ import annotations

import datetime as dt
import hashlib

import grpc

from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot_base import telemetry, wire
from taproot_base.clock import Clock
from taproot_base.errors import AppError
from taproot_gateway.backends import Backends, UnknownBackend
from taproot_gateway.calendars.feed import calendar
from taproot_gateway.callers import Caller, Callers
from taproot_gateway.http import conditional
from taproot_gateway.http.calls import CALL_SECONDS, problem_answer
from taproot_gateway.http.exchange import Answer, Request
from taproot_gateway.http.limits import Limiter, RateLimited
from taproot_gateway.refusals import CREDENTIAL_INVALID, Refusals
from taproot_gateway.transcoding import problems
from taproot_gateway.transcoding.problems import Problem, from_app_error

PREFIX, SUFFIX = "/calendars/", ".ics"
SCOPE = "calendar"
TYPE = "text/calendar; charset=utf-8"
_METHOD = "/taproot.customer.v1.AgendasService/ReadAgenda"
_BACK, _PART, _PARTS = dt.timedelta(days=31), dt.timedelta(days=62), 4
_NOTHING = Problem(404, "There is no such calendar", reason="NOT_FOUND")


class CalendarPages:
    def __init__(
        self, backends: Backends, callers: Callers, limiter: Limiter, refusals: Refusals, clock: Clock
    ) -> None:
        self._backends = backends
        self._callers = callers
        self._limiter = limiter
        self._refusals = refusals
        self._clock = clock

    async def serve(self, request: Request) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return problem_answer(Problem(405, "A calendar can only be read", reason="METHOD_NOT_ALLOWED"))
        try:
            return await self._served(request)
        except RateLimited as error:
            answer = problem_answer(from_app_error(error))
            answer.headers += error.headers
            return answer
        except grpc.aio.AioRpcError as error:
            return problem_answer(problems.from_rpc_error(error, conditional=False))
        except AppError as error:
            return problem_answer(from_app_error(error))
        except UnknownBackend:
            return problem_answer(Problem(503, "The service is not available", reason="BACKEND_UNKNOWN"))

    async def _served(self, request: Request) -> Answer:
        key = request.path.removeprefix(PREFIX)
        caller = await self._callers.find(key.removesuffix(SUFFIX), SCOPE) if key.endswith(SUFFIX) else None
        if caller is None:
            # A guess. Not 401: calendar programs would ask for a password that does not exist.
            self._refusals.note(CREDENTIAL_INVALID, "calendar", request.client)
            await self._limiter.admit(self._callers.anonymous(), "", request.client)
            return problem_answer(_NOTHING)
        refusal = caller.identity.refusal("")
        if refusal is not None:
            return problem_answer(Problem(403, refusal.title, reason=refusal.reason))
        await self._limiter.admit(caller, key.removesuffix(SUFFIX), request.client)
        return _answer(request, calendar(caller.principal.subject, await self._entries(caller)))

    async def _entries(self, caller: Caller) -> list[pb.AgendaEntry]:
        """From a month ago to seven months ahead, in parts as long as an agenda may be."""
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        found: list[pb.AgendaEntry] = []
        for number in range(_PARTS):
            since = today - _BACK + number * _PART
            asked = pb.ReadAgendaRequest(
                from_time=wire.to_timestamp(since), to_time=wire.to_timestamp(since + _PART)
            )
            found += (await self._call(caller, asked)).entries
        return found

    async def _call(self, caller: Caller, asked: pb.ReadAgendaRequest) -> pb.ReadAgendaResponse:
        metadata = (("authorization", f"Bearer {caller.token}"), ("traceparent", telemetry.traceparent()))
        data = asked.SerializeToString()
        raw = await self._backends.call("customer", _METHOD, data, metadata, CALL_SECONDS)
        return pb.ReadAgendaResponse.FromString(raw)


def _answer(request: Request, body: bytes) -> Answer:
    tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'
    headers = [(b"etag", tag.encode())]
    cache = b"private, no-cache"
    if conditional.not_modified(request.headers.get("if-none-match", ""), tag):
        return Answer(304, headers=headers, cache=cache)
    return Answer(200, body, TYPE, headers, cache)
