"""The routes of all contracts, compiled at start-up: a new RPC needs no code here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
from google.api.http_pb2 import HttpRule
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue

from taproot.options.v1 import options_pb2
from taproot_base.descriptors import READING
from taproot_gateway.transcoding import paths
from taproot_gateway.transcoding.contracts import Contracts, http_rules
from taproot_gateway.transcoding.input import Decoders
from taproot_gateway.transcoding.output import Encoders
from taproot_gateway.transcoding.paths import Template, parse
from taproot_gateway.transcoding.requests import RequestBuilder
from taproot_gateway.transcoding.selection import Tree, select
from taproot_gateway.transcoding.wellknown import snake

OPERATIONS = "operations"
INTERNAL = "internal"
BATCH_VERB = "batchGet"


@dataclass(frozen=True, slots=True)
class Payload:
    """An answer ready for the wire."""

    body: bytes
    content_type: str
    etag: str
    file_name: str = ""
    """What to save it as; empty: it is no file."""


@dataclass(frozen=True, slots=True)
class Route:
    http_method: str
    template: Template
    method: MethodDescriptor
    rule: HttpRule
    grpc_path: str
    access: options_pb2.Access
    builder: RequestBuilder
    parse_response: Callable[[bytes], Message]
    encode: Callable[[Any, Tree], Payload]
    """The answer, or of it what a tree of field names picks; an empty tree: all of it."""

    backend: str
    """`customer` for `taproot.customer.v1`."""
    writes: bool
    batch: str = ""
    """For the reading of many records at once by their ids: the name of their list in the answer."""


def backend_name(method: MethodDescriptor) -> str:
    package: str = method.containing_service.file.package
    return package.split(".")[1]


def access_of(method: MethodDescriptor) -> options_pb2.Access:
    options: Any = method.GetOptions()
    access: options_pb2.Access = options.Extensions[options_pb2.access]
    return access


def grpc_path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


class Router:
    def __init__(self, contracts: Contracts) -> None:
        self._decoders = Decoders()
        self._encoders = Encoders()
        self._tree: paths.Tree[Route] = paths.Tree()
        self.routes = list(self._compile(contracts))
        self.routes += list(_batches(self.routes))
        for route in self.routes:
            self._tree.add(route.http_method, route.template, route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        return self._tree.find(method, path)

    def methods(self, path: str) -> list[str]:
        return self._tree.methods(path)

    def _compile(self, contracts: Contracts) -> Iterator[Route]:
        for service in contracts.services():
            for method in service.methods:
                streaming = method.client_streaming or method.server_streaming
                if streaming or access_of(method).permission == INTERNAL:
                    continue  # streams go through the gRPC door; what is internal goes through none
                for rule in http_rules(method):
                    yield self._route(method, rule)

    def _route(self, method: MethodDescriptor, rule: HttpRule) -> Route:
        http_method, text = _pattern(rule)
        template = parse(text)
        return Route(
            http_method=http_method,
            template=template,
            method=method,
            rule=rule,
            grpc_path=grpc_path(method),
            backend=backend_name(method),
            writes=not method.name.startswith(READING),
            access=access_of(method),
            builder=RequestBuilder(method.input_type, rule, template, self._decoders),
            parse_response=message_factory.GetMessageClass(method.output_type).FromString,
            encode=self._encoder(method.output_type, rule.response_body),
        )

    def _encoder(self, response: Descriptor, only: str) -> Callable[[Any, Tree], Payload]:
        if response.full_name == "google.api.HttpBody":
            return _http_body
        field = response.fields_by_name[only] if only else None
        encode = self._encoders.field(field) if field else self._encoders.encoder(response)
        has_etag = "etag" in response.fields_by_name

        def payload(message: Any, tree: Tree) -> Payload:
            value = encode(getattr(message, only) if only else message)
            if tree:
                value = select(value, tree)
            return Payload(orjson.dumps(value), "application/json", message.etag if has_etag else "")

        return payload


def _batches(routes: list[Route]) -> Iterator[Route]:
    """`GET /v1/customers:batchGet?ids=..` for every `GET /v1/customers/{id}`: no service needs code for it."""
    taken = {(route.http_method, route.template.text) for route in routes}
    for route in routes:
        parent, _, last = route.template.text.rpartition("/")
        text = f"{parent}:{BATCH_VERB}"
        single = route.http_method == "GET" and route.method.name.startswith("Get") and last == "{id}"
        if single and "{" not in parent and ("GET", text) not in taken and not route.rule.response_body:
            name = snake(parent.rpartition("/")[2])
            yield replace(route, template=parse(text), batch=name)


def _http_body(message: HttpBody, _tree: Tree) -> Payload:
    name = StringValue()
    for extension in message.extensions:
        extension.Unpack(name)
    return Payload(message.data, message.content_type or "application/octet-stream", "", name.value)


def _pattern(rule: HttpRule) -> tuple[str, str]:
    kind = rule.WhichOneof("pattern")
    if kind == "custom":
        return rule.custom.kind.upper(), rule.custom.path
    if kind is None:
        raise ValueError("a google.api.http rule names no path")
    return kind.upper(), getattr(rule, kind)
