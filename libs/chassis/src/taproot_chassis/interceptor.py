"""The one interceptor: trace, caller, permission, load, deadline, validation, masking, audit, errors.

One wrapper per method instead of a chain: each further layer costs a coroutine per call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram

from taproot_base import telemetry
from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal, TokenVerifier
from taproot_base.context import Call, calling
from taproot_base.descriptors import MethodRule
from taproot_base.errors import (
    DOMAIN,
    AppError,
    DeadlineExceeded,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    out_of_room,
)
from taproot_base.masking import mask
from taproot_chassis.audit import Auditor
from taproot_chassis.validation import check, serve_valid

DEFAULT_IN_FLIGHT = 400
_CLOCKS_APART = 0.1
_EXEMPT = ("/grpc.health.", "/grpc.reflection.")

_seconds = Histogram(
    "taproot_rpc_seconds",
    "Duration of RPCs",
    ["method", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_in_flight = Gauge("taproot_rpc_in_flight", "RPCs being served")
shed = Counter("taproot_rpc_shed_total", "RPCs refused because too many were being served")


class CallInterceptor(grpc.aio.ServerInterceptor):
    def __init__(
        self,
        rules: dict[str, MethodRule],
        verifier: TokenVerifier,
        directory: AccessDirectory,
        auditor: Auditor,
        limit: int = DEFAULT_IN_FLIGHT,
        before_access: Callable[[Principal], Awaitable[None]] | None = None,
    ) -> None:
        self._rules = rules
        self._verifier = verifier
        self._directory = directory
        self._auditor = auditor
        self._limit = limit
        self._before_access = before_access
        self._serving = 0
        self._wrapped: dict[str, Any] = {}
        _in_flight.set_function(lambda: self._serving)

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        method = details.method
        known = self._wrapped.get(method)
        if known is not None:
            return known
        handler = await continuation(details)
        if handler is None or method.startswith(_EXEMPT):
            return handler
        wrapped = self._wrapped[method] = self._wrap(handler, self._rules[method])
        return wrapped

    def _wrap(self, handler: Any, rule: MethodRule) -> Any:
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(handler.unary_unary, rule),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(handler.unary_stream, rule),
                handler.request_deserializer,
                handler.response_serializer,
            )
        raise TypeError(f"{rule.full_name}: only unary requests are served")

    def _unary(self, serve: Any, rule: MethodRule) -> Any:
        name, attributes, seconds = rule.full_name[1:], _attributes(rule), _timers(rule)

        async def call(request: Any, context: Any) -> Any:
            started, code = time.perf_counter(), "OK"
            headers = dict(context.invocation_metadata())
            self._serving += 1
            try:
                parent = telemetry.remote_context(headers.get("traceparent", ""))
                with telemetry.span(name, attributes, kind=SpanKind.SERVER, parent=parent) as span:
                    state = self._call_of(rule, request, headers)
                    try:
                        await self._admit(state, rule, context)
                        with calling(state):
                            response = await serve_valid(request, state, serve, context)
                        mask(response, state.masked, state.directory.custom)
                        await self._auditor.served(state, response)
                    except AppError as error:
                        code = error.kind.value
                        span.set_attribute("error.type", error.reason)
                        await self._refuse(context, state, error)
                    except asyncio.CancelledError:
                        code = _ended(context)
                        raise
                    except Exception as error:
                        code = "INTERNAL" if out_of_room(error) is None else "UNAVAILABLE"
                        await _abort_internal(context, rule.full_name, error)
                    else:
                        return response
            finally:
                self._serving -= 1
                seconds(code).observe(time.perf_counter() - started)

        return call

    def _stream(self, serve: Any, rule: MethodRule) -> Any:
        name, attributes = rule.full_name[1:], _attributes(rule)

        async def call(request: Any, context: Any) -> AsyncIterator[Any]:
            headers = dict(context.invocation_metadata())
            parent = telemetry.remote_context(headers.get("traceparent", ""))
            with telemetry.span(name, attributes, kind=SpanKind.SERVER, parent=parent):
                state = self._call_of(rule, request, headers)
                try:
                    await self._admit(state, rule, context)
                    check(request)
                    with calling(state):
                        async for response in serve(request, context):
                            mask(response, state.masked, state.directory.custom)
                            await self._auditor.served(state, response)
                            yield response
                except AppError as error:
                    await self._refuse(context, state, error)
                except Exception as error:
                    await _abort_internal(context, rule.full_name, error)

        return call

    def _call_of(self, rule: MethodRule, request: Any, headers: dict[str, Any]) -> Call:
        """The call before anybody knows whose it is."""
        call = Call(
            principal=Principal.anonymous(),
            directory=self._directory,
            method=rule.full_name,
            permission=rule.permission,
            token=_bearer(headers),
        )
        self._auditor.begin(call, rule, request, headers)
        return call

    async def _admit(self, call: Call, rule: MethodRule, context: Any) -> None:
        """Who calls, and may they? Raises what to answer when not."""
        if self._serving > self._limit:
            shed.inc()
            raise ResourceExhausted("the service is at its limit")
        remaining = context.time_remaining()
        if remaining is not None and remaining <= 0:
            raise DeadlineExceeded("the deadline has passed")
        if call.token:
            call.principal = self._verifier.verify(call.token)
        if self._before_access is not None:
            await self._before_access(call.principal)
        authorize(rule, call.principal, self._directory)
        call.masked = self._directory.masked(call.principal)

    async def _refuse(self, context: Any, call: Call, error: AppError) -> None:
        try:
            await self._auditor.refused(call, error)
        except AppError as stalled:
            error = stalled
        await abort(context, error)


def _ended(context: Any) -> str:
    """Why a call was cut off: its deadline passed, or the caller went away before it. The caller's clock ends first."""
    remaining = context.time_remaining()
    return "DEADLINE_EXCEEDED" if remaining is not None and remaining < _CLOCKS_APART else "CANCELLED"


def _attributes(rule: MethodRule) -> dict[str, Any]:
    return {"rpc.system": "grpc", telemetry.WRITE: rule.writes}


def _timers(rule: MethodRule) -> Callable[[str], Any]:
    """Histograms of a method by status code; looking a label up costs more than observing."""

    @cache
    def timer(code: str) -> Any:
        return _seconds.labels(rule.full_name, code)

    return timer


def _bearer(headers: dict[str, Any]) -> str | None:
    value = headers.get("authorization", "")
    return value[7:] if value.startswith("Bearer ") else None


def authorize(rule: MethodRule, principal: Principal, directory: AccessDirectory) -> None:
    """Deny by default: what the contract does not allow is refused."""
    if rule.permission == "public":
        return
    if principal.kind == "anonymous":
        raise Unauthenticated("sign in first")
    if principal.kind == "service":
        allowed = rule.permission == "internal" or principal.subject.partition(":")[2] in rule.services
        if not allowed:
            raise PermissionDenied("this service may not call this method")
        return
    if rule.permission == "internal":
        raise PermissionDenied("only services may call this method")
    if principal.kind == "portal":
        if not (rule.portal or rule.permission in ("portal", "authenticated")):
            raise PermissionDenied("not open to the portal")
        return
    if rule.permission == "portal":
        raise PermissionDenied("open to the portal only")
    if rule.typed:
        directory.require_typed(principal, rule.permission)
    elif rule.permission != "authenticated":
        directory.require(principal, rule.permission)


async def abort(context: Any, error: AppError) -> None:
    await context.abort_with_status(rpc_status.to_status(status_of(error)))


def status_of(error: AppError) -> status_pb2.Status:
    """google.rpc.Status of a failure: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    details = [_packed(info)]
    if error.violations:
        listed = error_details_pb2.BadRequest()
        for violation in error.violations:
            listed.field_violations.add(field=violation.field, description=violation.description)
        details.append(_packed(listed))
    if isinstance(error, ResourceExhausted):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(error.retry_after * 1000))
        details.append(_packed(retry))
    code = getattr(grpc.StatusCode, error.kind.value)
    return status_pb2.Status(code=code.value[0], message=error.message[:2000], details=details)


async def _abort_internal(context: Any, method: str, error: Exception) -> None:
    """A defect: logged once with its trace id, told to nobody."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if full := out_of_room(error):
        await abort(context, full)
    telemetry.logger.exception("internal_error", method=method)
    await context.abort(grpc.StatusCode.INTERNAL, "an internal error; the log has it under the trace id")


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
