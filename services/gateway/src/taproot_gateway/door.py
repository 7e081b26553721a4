"""The gRPC door: bytes pass through to the services; callers are judged as over REST; reflection shows all."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from taproot_base import telemetry
from taproot_base.descriptors import READING
from taproot_base.errors import AppError
from taproot_base.transport import SERVER_OPTIONS
from taproot_chassis.interceptor import abort
from taproot_gateway.backends import Backends, Metadata, UnknownBackend
from taproot_gateway.callers import Caller, Callers
from taproot_gateway.http.calls import IDENTITY, LONG_CALL_SECONDS, identity_metadata
from taproot_gateway.http.limits import Limiter
from taproot_gateway.operations import Operations
from taproot_gateway.refusals import CREDENTIAL_INVALID, Refusals
from taproot_gateway.transcoding.contracts import Contracts
from taproot_gateway.transcoding.routes import INTERNAL, OPERATIONS, access_of, backend_name, grpc_path

_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_DETAILS_KEY = "grpc-status-details-bin"

_seconds = Histogram("taproot_door_seconds", "Duration of calls through the gRPC door", ["method", "code"])


@dataclass(frozen=True, slots=True)
class _Method:
    path: str
    backend: str
    service: str
    public: bool
    writes: bool


class Refusal(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Passage(grpc.GenericRpcHandler):
    """Finds the handler of a method by its path; methods the contracts do not open are not found."""

    def __init__(
        self,
        contracts: Contracts,
        backends: Backends,
        callers: Callers,
        limiter: Limiter,
        refusals: Refusals,
    ) -> None:
        self._backends = backends
        self._callers = callers
        self._limiter = limiter
        self._refusals = refusals
        self._operations = Operations(backends)
        self._handlers = {
            grpc_path(method): self._handler(method)
            for service in contracts.services()
            for method in service.methods
            if access_of(method).permission not in (INTERNAL, "")
        }

    def service(self, details: Any) -> Any:
        return self._handlers.get(details.method)

    def _handler(self, method: MethodDescriptor) -> Any:
        known = _Method(
            path=grpc_path(method),
            backend=backend_name(method),
            service=method.containing_service.full_name,
            public=access_of(method).permission == "public",
            writes=not method.name.startswith(READING),
        )
        if method.client_streaming or method.server_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(known))
        return grpc.unary_unary_rpc_method_handler(self._unary(known))

    def _unary(self, method: _Method) -> Any:
        async def call(request: bytes, context: Any) -> bytes:
            started, code = time.perf_counter(), grpc.StatusCode.OK
            try:
                with self._span(method, context):
                    return await self._pass(method, request, context)
            except Refusal as error:
                code = error.code
                await context.abort(code, str(error))
            except grpc.aio.AioRpcError as error:
                code = error.code()
                await context.abort(code, error.details() or "", _details(error))
            except AppError as error:
                code = getattr(grpc.StatusCode, error.kind.value)
                await abort(context, error)
            finally:
                _seconds.labels(method.path, code.name).observe(time.perf_counter() - started)
            raise AssertionError  # abort raises

        return call

    def _stream(self, method: _Method) -> Any:
        async def call(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            try:
                with self._span(method, context):
                    metadata = self._metadata(method, await self._caller(method, context), context)
                    answers = self._channel(method).stream_stream(method.path)(
                        requests, metadata=metadata, timeout=context.time_remaining()
                    )
                    async for answer in answers:
                        yield answer
            except Refusal as error:
                await context.abort(error.code, str(error))
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details() or "", _details(error))
            except AppError as error:
                await abort(context, error)

        return call

    def _span(self, method: _Method, context: Any) -> Any:
        parent = _header(context, "traceparent")
        return telemetry.span(
            method.path[1:],
            {"rpc.system": "grpc", telemetry.WRITE: method.writes},
            kind=SpanKind.SERVER,
            parent=telemetry.remote_context(parent),
        )

    async def _pass(self, method: _Method, request: bytes, context: Any) -> bytes:
        caller = await self._caller(method, context)
        metadata = self._metadata(method, caller, context)
        timeout = min(context.time_remaining() or LONG_CALL_SECONDS, LONG_CALL_SECONDS)
        try:
            if method.backend == OPERATIONS:
                return await self._operations.call(method.path, request, metadata, timeout)
            answer = await self._backends.call(method.backend, method.path, request, metadata, timeout)
        except UnknownBackend as error:
            raise _unknown(method) from error
        if method.backend == IDENTITY and method.writes:
            self._callers.forget_all()
        return answer

    def _channel(self, method: _Method) -> Any:
        try:
            return self._backends.channel(method.backend)
        except UnknownBackend as error:
            raise _unknown(method) from error

    async def _caller(self, method: _Method, context: Any) -> Caller:
        scheme, _, credential = _header(context, "authorization").partition(" ")
        caller = None
        if scheme.lower() == "bearer" and credential:
            caller = await self._callers.find(credential.strip())
        if caller is None:
            if not method.public:
                if credential:  # a guess, which was looked up
                    self._refusals.note(CREDENTIAL_INVALID, method.path.lstrip("/"), _address(context.peer()))
                    await self._limiter.admit(self._callers.anonymous(), "", _address(context.peer()))
                raise Refusal(
                    grpc.StatusCode.UNAUTHENTICATED, "send authorization: Bearer <session token or API key>"
                )
            caller = self._callers.anonymous()
        refusal = caller.identity.refusal(method.service)
        if refusal is not None and not method.public:
            self._refusals.note(
                refusal.reason, method.path.lstrip("/"), _address(context.peer()), caller.principal
            )
            raise Refusal(grpc.StatusCode.PERMISSION_DENIED, f"{refusal.reason}: {refusal.title}")
        await self._limiter.admit(caller, credential.strip(), _address(context.peer()))
        return caller

    def _metadata(self, method: _Method, caller: Caller, context: Any) -> Metadata:
        """Made anew: nothing a client sends reaches a service except its trace."""
        base = (("authorization", f"Bearer {caller.token}"), ("traceparent", telemetry.traceparent()))
        if method.backend != IDENTITY:
            return base
        agent = _header(context, "user-agent")[:200]
        return (*base, *identity_metadata(caller, _address(context.peer()), agent))


def _unknown(method: _Method) -> Refusal:
    return Refusal(grpc.StatusCode.UNAVAILABLE, f"no address is set for the service {method.backend}")


def _header(context: Any, name: str) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return str(value)
    return ""


def _address(peer: str) -> str:
    """`ipv4:10.0.0.7:5123` -> `10.0.0.7`."""
    return peer.partition(":")[2].rpartition(":")[0].strip("[]")


def _details(error: grpc.aio.AioRpcError) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in error.trailing_metadata() or () if key == _DETAILS_KEY)


class Door:
    """The server on the second port."""

    def __init__(
        self,
        contracts: Contracts,
        backends: Backends,
        callers: Callers,
        limiter: Limiter,
        refusals: Refusals,
        host: str,
        port: int,
    ) -> None:
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((_Passage(contracts, backends, callers, limiter, refusals),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._reflect(contracts)
        self.port: int = self._server.add_insecure_port(f"{host}:{port}")

    def _reflect(self, contracts: Contracts) -> None:
        names = [service.full_name for service in contracts.services() if _is_open(service.methods)]
        servicer = reflection.aio.ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME])
        add: Any = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
        add(servicer, self._server)
        # v1 has the same messages on the wire as v1alpha; newer clients ask for it first.
        handler = grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            reflection_pb2.ServerReflectionRequest.FromString,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        generic = grpc.method_handlers_generic_handler(_REFLECTION_V1, {"ServerReflectionInfo": handler})
        self._server.add_generic_rpc_handlers((generic,))

    async def start(self) -> None:
        await self._server.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, seconds: float) -> None:
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.stop(seconds)


def _is_open(methods: Sequence[MethodDescriptor]) -> bool:
    return any(access_of(method).permission != INTERNAL for method in methods)
