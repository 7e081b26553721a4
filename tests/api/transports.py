"""Two ways to send what a REST client asks for without Python's HTTP stack: curl, and gRPC by reflection.

Whatever runs over an `httpx.AsyncClient` can so be run by programs that know nothing of Taproot but its doors.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

Json = dict[str, Any]
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
STATUS = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 409, "ALREADY_EXISTS": 409, "ABORTED": 412, "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
PASSED_ON = ("authorization", "traceparent")


class CurlTransport(httpx.AsyncBaseTransport):
    """Each request is one run of curl."""

    def __init__(self) -> None:
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--request", request.method]
        command += ["--write-out", "\n%{http_code} %{content_type}"]
        for name, value in request.headers.items():
            if name not in {"host", "connection", "content-length", "accept-encoding"}:
                command += ["--header", f"{name}: {value}"]
        if body := await request.aread():
            command += ["--data-binary", "@-"]
        process = await asyncio.create_subprocess_exec(
            *command, str(request.url), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate(body)
        if process.returncode:
            raise httpx.ConnectError(f"curl ended with {process.returncode}", request=request)
        content, _, told = out.rpartition(b"\n")
        status, _, kind = told.decode().partition(" ")
        return httpx.Response(int(status), headers={"content-type": kind}, content=content)


@dataclass(frozen=True)
class Binding:
    """One HTTP rule of a method."""

    method: Any
    verb: str
    path: re.Pattern[str]
    body: str


class ReflectionTransport(httpx.AsyncBaseTransport):
    """Calls the method whose HTTP rule fits; what no method offers (a link in a mail) is fetched plainly."""

    def __init__(self, address: str) -> None:
        self.requests = 0
        self._plain = httpx.AsyncHTTPTransport()
        self._blocking = grpc.insecure_channel(address)
        database = ProtoReflectionDescriptorDatabase(self._blocking)
        self._pool = DescriptorPool(database)
        services = [name for name in database.get_services() if name.startswith("taproot.")]
        self._bindings = [one for name in services for one in _bindings(self._pool.FindServiceByName(name))]
        self._channel = grpc.aio.insecure_channel(address)

    async def aclose(self) -> None:
        await self._channel.close()
        self._blocking.close()
        await self._plain.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for binding in self._bindings:
            found = binding.path.fullmatch(request.url.path) if binding.verb == request.method else None
            if found:
                self.requests += 1
                return await self._call(binding, request, found.groupdict())
        return await self._plain.handle_async_request(request)

    async def _call(self, binding: Binding, request: httpx.Request, variables: Json) -> httpx.Response:
        service = binding.method.containing_service.full_name
        kinds = [
            message_factory.GetMessageClass(t)
            for t in (binding.method.input_type, binding.method.output_type)
        ]
        message = kinds[0]()
        content = _content(binding, request, variables, await request.aread())
        json_format.ParseDict(content, message, descriptor_pool=self._pool)
        send = self._channel.unary_unary(
            f"/{service}/{binding.method.name}",
            request_serializer=kinds[0].SerializeToString,
            response_deserializer=kinds[1].FromString,
        )
        headers = [(name, request.headers[name]) for name in PASSED_ON if name in request.headers]
        try:
            answer = await send(message, metadata=headers, timeout=30)
        except grpc.aio.AioRpcError as error:
            return _problem(error)
        shown = json_format.MessageToDict(
            answer, preserving_proto_field_name=True, descriptor_pool=self._pool
        )
        return httpx.Response(200, json=shown)


def _bindings(service: Any) -> Iterator[Binding]:
    for method in service.methods:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        for one in (rule, *rule.additional_bindings):
            if verb := one.WhichOneof("pattern"):
                yield Binding(method, verb.upper(), _path(getattr(one, verb)), one.body)


def _path(template: str) -> re.Pattern[str]:
    """`/v1/{name=operations/*/*}:cancel` as a pattern with a group for each variable."""
    parts = re.split(r"\{([^}]*)\}", template)
    return re.compile("".join(_group(one) if odd % 2 else re.escape(one) for odd, one in enumerate(parts)))


def _group(variable: str) -> str:
    name, _, pattern = variable.partition("=")
    segments = re.escape(pattern or "*").replace(r"\*", "[^/:]+")
    return f"(?P<{name.replace('.', '__')}>{segments})"


def _content(binding: Binding, request: httpx.Request, variables: Json, body: bytes) -> Json:
    """The request message as JSON: path, query, body, and the key that makes repeats harmless."""
    given = json.loads(body) if body else {}
    content: Json = dict(given) if binding.body in {"", "*"} else {binding.body: given}
    fields = binding.method.input_type.fields_by_name
    for name, value in [*request.url.params.multi_items(), *variables.items()]:
        path = name.replace("__", ".").split(".")
        inner = content
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        repeated = len(path) == 1 and fields[name].is_repeated
        inner[path[-1]] = [*inner.get(path[-1], []), value] if repeated else value
    if "update_mask" in fields and "update_mask" not in content:
        content["update_mask"] = ",".join(given)
    if "request_id" in fields and "idempotency-key" in request.headers:
        content.setdefault("request_id", request.headers["idempotency-key"])
    return content


def _problem(error: grpc.aio.AioRpcError) -> httpx.Response:
    problem: Json = {"detail": error.details(), "violations": []}
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            problem |= {"reason": info.reason, "metadata": dict(info.metadata)}
        elif detail.Unpack(bad):
            problem["violations"] = [
                {"field": v.field, "description": v.description} for v in bad.field_violations
            ]
    return httpx.Response(STATUS.get(error.code().name, 500), json=problem)
