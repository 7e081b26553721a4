"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1)."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from taproot_gateway.openapi import examples
from taproot_gateway.openapi.schemas import Schema, Schemas
from taproot_gateway.openapi.wholes import (
    HEADERS,
    PROBLEM_EXAMPLES,
    batch_operation,
    fields_parameter,
    stream_paths,
    view_parameter,
)
from taproot_gateway.transcoding.contracts import Contracts, is_map
from taproot_gateway.transcoding.query import text_converter
from taproot_gateway.transcoding.routes import Route

_PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong, after RFC 9457.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {
            "type": "string",
            "description": "Name of the kind of problem; `about:blank` when it has none.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "description": "Stable name for programs, such as `ETAG_MISMATCH`."},
        "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
        "violations": {
            "type": "array",
            "description": "Everything that is wrong with the request, at once.",
            "items": {
                "type": "object",
                "required": ["field", "description"],
                "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
            },
        },
        "trace_id": {"type": "string", "description": "Names the request in logs and traces."},
    },
}
_ERRORS = {
    "400": "The request is not valid; every violation is listed.",
    "401": "No valid session or key.",
    "403": "Not permitted.",
    "404": "There is no such record, or it is not visible to the caller.",
    "409": "The state does not allow it, or the record exists already, or someone else was first.",
    "412": "The version in If-Match is not the current one.",
    "422": "The Idempotency-Key was used before with another request.",
    "429": "Too much at once; Retry-After says how long to wait.",
    "503": "A service is not available; Retry-After says how long to wait.",
}
_OTHER = "Any other failure, such as a body that is too large or no JSON."
_WRITE_ERRORS = {"409", "412", "422"}
_MAX_DEPTH = 2


def document(contracts: Contracts, routes: list[Route], version: str) -> dict[str, Any]:
    schemas = Schemas(contracts)
    names = _Paths()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path, variables = names.of(route)
        operation = _Operation(contracts, schemas, route, variables).build()
        paths.setdefault(path, {})[route.http_method.lower()] = operation
    schemas.components["Problem"] = _PROBLEM
    paths |= stream_paths()
    services = {route.method.containing_service for route in routes}
    tags = [{"name": one.name, "description": contracts.comment(one.full_name)} for one in services]
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Taproot",
            "version": version,
            "description": "Customer relations for enterprises with many branches. Times are UTC, money is decimal text.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"cookie": []}],
        "tags": sorted(tags, key=lambda tag: str(tag["name"])),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {
                code: _problem_response(code, text) for code, text in {**_ERRORS, "default": _OTHER}.items()
            },
            "headers": HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Session token or API key."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "taproot_session"},
            },
        },
    }


def _problem_response(code: str, text: str) -> Schema:
    media: Schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if code in PROBLEM_EXAMPLES:
        media["example"] = PROBLEM_EXAMPLES[code]
    found: Schema = {"description": text, "content": {"application/problem+json": media}}
    if code in ("429", "503"):
        found["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found


class _Paths:
    """Paths whose variables differ only in name are one path in OpenAPI: the first name stays."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, route: Route) -> tuple[str, list[tuple[str, str]]]:
        """The path, and the name of each variable with the field it sets."""
        parts = list(route.template.segments)
        fields: dict[int, str] = {}
        for variable in route.template.variables:
            last = variable.first + (variable.count or 1)
            fields |= {i: variable.field for i in range(variable.first, last) if parts[i].startswith("*")}
        verb = f":{route.template.verb}" if route.template.verb else ""
        shape = "/".join("*" if i in fields else part for i, part in enumerate(parts))
        names = self._known.setdefault(shape, _names(list(fields.values())))
        for name, index in zip(names, fields, strict=True):
            parts[index] = f"{{{name}}}"
        return "/" + "/".join(parts) + verb, list(zip(names, fields.values(), strict=True))


def _names(fields: list[str]) -> tuple[str, ...]:
    """`customer.id` -> `id`; a variable over several segments (`operations/*/*`) is told as numbered parts."""
    short = [field.rpartition(".")[2] for field in fields]
    return tuple(
        f"{name}_{short[: index + 1].count(name)}" if short.count(name) > 1 else name
        for index, name in enumerate(short)
    )


class _Operation:
    def __init__(
        self, contracts: Contracts, schemas: Schemas, route: Route, variables: list[tuple[str, str]]
    ) -> None:
        self._variables = variables
        self._contracts = contracts
        self._schemas = schemas
        self._route = route

    def build(self) -> dict[str, Any]:
        out = self._build()
        return batch_operation(out, self._route.batch) if self._route.batch else out

    def _build(self) -> dict[str, Any]:
        method, access = self._route.method, self._route.access
        text = self._contracts.comment(method.full_name)
        summary, _, rest = text.partition("\n")
        out: dict[str, Any] = {
            "operationId": f"{method.containing_service.name}_{method.name}",
            "tags": [method.containing_service.name],
            "summary": summary.split(". ")[0].rstrip("."),
            "description": text if rest or ". " in summary else summary,
            "x-permission": access.permission,
            "parameters": [*self._path_parameters(), *self._query_parameters(), *self._headers()],
            "responses": self._responses(),
        }
        if access.permission == "public":
            out["security"] = []
        body = self._body()
        if body:
            out["requestBody"] = body
        return out

    def _path_parameters(self) -> list[Schema]:
        return [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            | _described(self._comment_of(field))
            for name, field in self._variables
        ]

    def _comment_of(self, path: str) -> str:
        descriptor: Descriptor | None = self._route.method.input_type
        field: FieldDescriptor | None = None
        for part in path.split("."):
            field = descriptor.fields_by_name.get(part) if descriptor is not None else None
            if field is None:
                return ""
            descriptor = field.message_type
        return self._contracts.comment(field.full_name) if field is not None else ""

    def _query_parameters(self) -> list[Schema]:
        if self._route.rule.body == "*":
            return []
        return list(self._query(self._route.method.input_type, "", 0))

    def _query(self, descriptor: Descriptor, prefix: str, depth: int) -> list[Schema]:
        found: list[Schema] = []
        for field in descriptor.fields:
            name = prefix + field.name
            if self._route.builder.parameters.find(name) is not None:
                schema = self._schemas.property(field)
                text = schema.pop("description", "")
                found.append({"name": name, "in": "query", "schema": schema, **_described(text)})
            elif self._nested(field, name, depth):
                assert field.message_type is not None
                found += self._query(field.message_type, name + ".", depth + 1)
        return found

    def _nested(self, field: FieldDescriptor, name: str, depth: int) -> bool:
        if field.message_type is None or field.is_repeated or is_map(field) or depth >= _MAX_DEPTH:
            return False
        body = self._route.builder.body_field
        taken = body is not None and name.split(".", maxsplit=1)[0] == body.name
        return not taken and text_converter(field) is None

    def _headers(self) -> list[Schema]:
        found = []
        builder = self._route.builder
        if builder.has_request_id:
            found.append(
                _header("Idempotency-Key", "Makes repeats of the same request harmless for 24 hours.")
            )
        if builder.etag_path and self._route.writes:
            found.append(
                _header("If-Match", "ETag of the version to change; 412 when it is not the current one.")
            )
        if self._route.http_method == "GET":
            found.append(_header("If-None-Match", "ETag of the copy the caller has; 304 when it is current."))
        return [*found, *fields_parameter(self._route), *view_parameter(self._route)]

    def _body(self) -> Schema | None:
        rule, field = self._route.rule, self._route.builder.body_field
        if not rule.body:
            return None
        descriptor = field.message_type if field is not None else self._route.method.input_type
        if descriptor is None:
            return None
        if descriptor.full_name == "google.api.HttpBody":
            content: Schema = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        else:
            example = examples.example(
                descriptor, leave_out={v.field for v in self._route.template.variables}
            )
            content = {
                "application/json": {"schema": self._schemas.reference(descriptor), "example": example}
            }
        return {"required": field is not None, "content": content}

    def _responses(self) -> Schema:
        output = self._route.method.output_type
        media = (
            "application/octet-stream" if output.full_name == "google.api.HttpBody" else "application/json"
        )
        ok: Schema = {
            "description": "Done.",
            "headers": {
                name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS if name != "Retry-After"
            },
            "content": {media: {"schema": self._schemas.reference(output)}},
        }
        codes = [code for code in _ERRORS if self._route.writes or code not in _WRITE_ERRORS]
        errors = {code: {"$ref": f"#/components/responses/{code}"} for code in codes}
        unchanged = (
            {"304": {"description": "The caller's copy is current."}}
            if self._route.http_method == "GET"
            else {}
        )
        return {"200": ok, **unchanged, **errors, "default": {"$ref": "#/components/responses/default"}}


def _described(text: str) -> Schema:
    return {"description": text} if text else {}


def _header(name: str, text: str) -> Schema:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": text}
