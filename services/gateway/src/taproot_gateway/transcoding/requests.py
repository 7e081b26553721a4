"""One HTTP request to one request message: path variables, query, body and the headers that stand for fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from google.api.http_pb2 import HttpRule
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from taproot_gateway.transcoding import partial
from taproot_gateway.transcoding.input import Decoders, Violation, Violations
from taproot_gateway.transcoding.paths import Template
from taproot_gateway.transcoding.query import Parameters, find_field
from taproot_gateway.transcoding.scalars import Convert, from_text

MAX_PARAMETERS = 200
# Never part of a mask made from the body: the key of the record and its version.
_NOT_MASKED = {"id", "name", "etag"}


class Invalid(Exception):
    """The request does not fit its message. Carries every violation."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("the request is not valid")
        self.violations = violations


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What of an HTTP request may end up in a message."""

    values: Mapping[str, str]
    """Path variables, decoded."""
    query: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    request_id: str = ""
    """The Idempotency-Key header."""
    etag: str = ""
    """The If-Match header, without quotes."""


class RequestBuilder:
    """Compiled for one binding of one method."""

    def __init__(self, request: Descriptor, rule: HttpRule, template: Template, decoders: Decoders) -> None:
        self._class = message_factory.GetMessageClass(request)
        self._variables = [
            (tuple(v.field.split(".")), _variable(request, v.field)) for v in template.variables
        ]
        self._whole_body = rule.body == "*"
        self.body_field = None if rule.body in ("", "*") else request.fields_by_name[rule.body]
        self.raw = self.body_field is not None and _is_http_body(self.body_field)
        self._decode = _body_decoder(request, self.body_field, decoders)
        taken = {v.field for v in template.variables} | ({rule.body} if self.body_field else set())
        self.parameters = Parameters(request, taken)
        self.etag_path = _etag_path(request, self.body_field)
        self.has_request_id = "request_id" in request.fields_by_name
        mask = request.fields_by_name.get("update_mask")
        self._default_mask = bool(rule.patch and self.body_field is not None and mask is not None)

    def build(self, http: HttpRequest) -> Message:
        violations = Violations()
        init = self._body(http, violations)
        self._query(http, init, violations)
        for path, convert in self._variables:
            _set(init, path, http.values[".".join(path)], convert, violations)
        if http.request_id and self.has_request_id:
            _set(init, ("request_id",), http.request_id, str, violations)
        if http.etag and self.etag_path:
            _set(init, self.etag_path, http.etag, str, violations)
        if violations.found:
            raise Invalid([*violations.found, *partial.other_violations(self._class, init, violations.found)])
        return self._class(**init)

    def _body(self, http: HttpRequest, violations: Violations) -> dict[str, Any]:
        if self.body_field is None and not self._whole_body:
            if http.body:
                violations.add("", "this method takes no body")
            return {}
        if self.raw and self.body_field is not None:
            return {self.body_field.name: HttpBody(content_type=http.content_type, data=http.body)}
        if not http.body:
            return {}
        try:
            value = orjson.loads(http.body)
        except orjson.JSONDecodeError as error:
            raise Invalid([Violation("", f"the body is not JSON: {error}")]) from None
        if self._whole_body:
            return self._decode(value, "", violations) or {}
        return self._field_body(value, violations)

    def _field_body(self, value: Any, violations: Violations) -> dict[str, Any]:
        assert self.body_field is not None
        name = self.body_field.name
        init: dict[str, Any] = {name: self._decode(value, name, violations)}
        if self._default_mask and isinstance(value, dict) and self.body_field.message_type is not None:
            init["update_mask"] = FieldMask(paths=_present(self.body_field.message_type, value))
        return init

    def _query(self, http: HttpRequest, init: dict[str, Any], violations: Violations) -> None:
        if not http.query:
            return
        try:
            pairs = parse_qsl(
                http.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict"
            )
        except (ValueError, UnicodeDecodeError):
            violations.add("", f"the query is not valid UTF-8 or has more than {MAX_PARAMETERS} parameters")
            return
        if self._whole_body and pairs:
            violations.add(pairs[0][0], "is not a parameter of this method: every field stands in the body")
            return
        if self._default_mask and any(name in ("update_mask", "updateMask") for name, _ in pairs):
            init.pop("update_mask", None)
        self.parameters.apply(pairs, init, violations)


def _variable(request: Descriptor, path: str) -> Convert:
    descriptor: Descriptor | None = request
    field: FieldDescriptor | None = None
    for part in path.split("."):
        field = descriptor.fields_by_name.get(part) if descriptor is not None else None
        if field is None:
            raise ValueError(f"{request.full_name} has no field {path}")
        descriptor = field.message_type
    if field is None or field.message_type is not None or field.is_repeated:
        raise ValueError(f"{request.full_name}.{path} cannot stand in a path")
    return from_text(field)


def _is_http_body(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == "google.api.HttpBody"


def _body_decoder(request: Descriptor, field: FieldDescriptor | None, decoders: Decoders) -> Any:
    if field is None:
        return decoders.decoder(request)
    return decoders.field(field)


def _etag_path(request: Descriptor, body: FieldDescriptor | None) -> tuple[str, ...] | None:
    """Where the version asked for stands: in the request, or in the resource that is its body."""
    if "etag" in request.fields_by_name:
        return ("etag",)
    if body is not None and body.message_type is not None and "etag" in body.message_type.fields_by_name:
        return (body.name, "etag")
    return None


def _present(resource: Descriptor, value: dict[str, Any]) -> list[str]:
    """The fields a client wrote, `null` and empty ones included: only JSON can tell them from absent ones."""
    fields = (find_field(resource, key) for key in value)
    return sorted({field.name for field in fields if field is not None} - _NOT_MASKED)


def _set(
    init: dict[str, Any], path: tuple[str, ...], text: str, convert: Convert, violations: Violations
) -> None:
    name = ".".join(path)
    for part in path[:-1]:
        inner = init.get(part)
        if inner is None:
            inner = init[part] = {}
        init = inner
    try:
        value = convert(text)
    except ValueError as error:
        violations.add(name, str(error))
        return
    if init.setdefault(path[-1], value) != value:
        violations.add(name, "differs from the value in the path or header")
