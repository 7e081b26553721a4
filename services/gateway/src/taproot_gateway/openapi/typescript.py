"""TypeScript types of every record and operation, from the OpenAPI document.

    python -m taproot_gateway.openapi.typescript > services/gateway/clients/typescript/operations.ts

`client.ts` beside it is written by hand and works on these types.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from taproot_gateway.openapi.document import document
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.routes import Router

Schema = dict[str, Any]

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def typescript(described: Schema) -> str:
    parts = ["// Made from /openapi.json; not to be edited.\n", "export type Json = unknown;\n"]
    for name, schema in described["components"]["schemas"].items():
        parts.append(f"{_comment(schema)}export type {type_name(name)} = {_type(schema)};\n")
    parts.append(_interface("Operations", _operations(described)))
    parts.append(_interface("Lists", _lists(described)))
    return "\n".join(parts)


def _interface(name: str, members: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f"  {json.dumps(key)}: {shape};\n" for key, shape in members)
    return f"export interface {name} {{\n{inner}}}\n"


def type_name(schema: str) -> str:
    """`customer.Customer` -> `CustomerCustomer`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", schema))


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return type_name(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PLAIN.get(one, "Json") for one in kind)
    if kind == "array":
        return f"Array<{_type(schema.get('items', {}))}>"
    if kind == "object":
        return _object(schema)
    return _PLAIN.get(str(kind), "Json")


def _object(schema: Schema) -> str:
    properties = schema.get("properties")
    if not properties:
        inner = schema.get("additionalProperties")
        return f"Record<string, {_type(inner) if isinstance(inner, dict) else 'Json'}>"
    required = schema.get("required", ())
    return "{ " + " ".join(_property(name, one, name in required) for name, one in properties.items()) + " }"


def _property(name: str, schema: Schema, required: bool) -> str:
    key = name if _NAME.match(name) else json.dumps(name)
    locked = "readonly " if schema.get("readOnly") else ""
    return f"{locked}{key}{'' if required else '?'}: {_type(schema)};"


def _comment(schema: Schema) -> str:
    text = str(schema.get("description", "")).replace("*/", "* /").strip()
    return "/** " + text.replace("\n", "\n * ") + " */\n" if text else ""


def _operations(described: Schema) -> Iterator[tuple[str, str]]:
    """`GET /v1/customers/{id}` -> what it takes and answers."""
    for path, item in described["paths"].items():
        for method, operation in item.items():
            media = operation["responses"]["200"]["content"]
            if "text/event-stream" not in media:
                yield f"{method.upper()} {path}", _shape(operation, media)


def _lists(described: Schema) -> Iterator[tuple[str, str]]:
    """What answers page by page -> one of what it lists."""
    for path, item in described["paths"].items():
        media = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        reference = media.get("application/json", {}).get("schema", {}).get("$ref", "")
        answer = (
            described["components"]["schemas"].get(reference.rpartition("/")[2], {}).get("properties", {})
        )
        items = [one["items"] for one in answer.values() if one.get("type") == "array"]
        if "next_page_token" in answer and len(items) == 1:
            yield f"GET {path}", _type(items[0])


def _shape(operation: Schema, media: Schema) -> str:
    parts = [_parameters(operation, place) for place in ("path", "query")]
    body = operation.get("requestBody", {})
    if body:
        parts.append(f"body{'' if body.get('required') else '?'}: {_media(body['content'])}; ")
    return f"{{ request: {{ {''.join(parts)}}}; answer: {_media(media)} }}"


def _parameters(operation: Schema, place: str) -> str:
    found = [one for one in operation["parameters"] if one["in"] == place]
    inner = " ".join(_property(one["name"], one["schema"], one.get("required", False)) for one in found)
    needed = any(one.get("required") for one in found)
    return f"{place}{'' if needed else '?'}: {{ {inner} }}; " if found else ""


def _media(content: Schema) -> str:
    return _type(content["application/json"]["schema"]) if "application/json" in content else "Blob"


def main() -> None:
    loaded = contracts.load()
    sys.stdout.write(typescript(document(loaded, Router(loaded).routes, "")))


if __name__ == "__main__":
    main()
