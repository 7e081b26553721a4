"""Requests for every RPC, made from its contract, that name the records of somebody else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

DEPTH = 4
# Filled by the caller of the RPC, never by its sample: they would make it fail for reasons of their own.
LEFT_OUT = {"page_token", "etag", "custom", "validate_only", "filter", "order_by"}
OUTPUT_ONLY = field_behavior_pb2.OUTPUT_ONLY


def collection_of(method: MethodDescriptor) -> str:
    """`ticket` of `/v1/tickets/{id}:resolve`: what an `id` in this request is the id of."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    path = getattr(rule, rule.WhichOneof("pattern") or "get")
    found = re.match(r"/v1/([A-Za-z]+)", path)
    return singular(found.group(1)) if found else ""


def singular(collection: str) -> str:
    name = re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found.group(1).lower()}", collection)
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


class Sampler:
    """`ids`: resource -> the id of the victim's record of that kind; `words`: what else is the victim's."""

    def __init__(self, ids: Mapping[str, str], words: Mapping[str, str]) -> None:
        self._ids = ids
        self._words = words

    def requests(self, method: MethodDescriptor) -> Iterator[Message]:
        """One that names the victim's records wherever it can; for lists also one that asks for everything."""
        self._of_id = collection_of(method)
        self._operation = f"operations/customer/{uuid.uuid4()}"
        if method.containing_service.name == "OperationsService":
            self._operation = self._ids.get("operation", self._operation)
        self._creates = "Create" in method.name  # what a stranger brings along is the stranger's
        kind = message_factory.GetMessageClass(method.input_type)
        made: Message = kind()
        self._fill(made, 0, top=True)
        yield made
        if "filter" in method.input_type.fields_by_name:
            yield self._parents_only(kind(), page_size=1000)
            yield self._parents_only(kind(), filter=f'customer_id = "{self._ids["customer"]}"')

    def _parents_only(self, message: Any, **fields: Any) -> Message:
        self._fill(message, DEPTH, top=True)
        for name, value in fields.items():
            if name in message.DESCRIPTOR.fields_by_name:
                setattr(message, name, value)
        return message  # type: ignore[no-any-return]  # generated

    def _fill(self, message: Message, depth: int, *, top: bool = False) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.name in LEFT_OUT or _output_only(field) or (field.containing_oneof and _later(field)):
                continue
            if field.is_repeated:
                self._fill_repeated(message, field, depth)
            elif _is_file(field):
                getattr(message, field.name).data = b"a,b\n1,2\n"
            elif field.message_type is not None:
                if depth < DEPTH and _of_ours(field):
                    self._fill(getattr(message, field.name), depth + 1)
            elif (value := self._value(field, top=top)) is not None:
                setattr(message, field.name, value)

    def _fill_repeated(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is None:
            if (value := self._value(field, top=False)) is not None:
                getattr(message, field.name).append(value)
        elif depth < 2 and _of_ours(field):
            self._fill(getattr(message, field.name).add(), depth + 1)

    def _value(self, field: FieldDescriptor, *, top: bool) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field, top=top)
        if field.enum_type is not None:
            return field.enum_type.values[min(1, len(field.enum_type.values) - 1)].number
        if field.type == FieldDescriptor.TYPE_BOOL:
            return None
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b"a,b\n1,2\n"
        return None if field.name == "page_size" else 1

    def _text(self, field: FieldDescriptor, *, top: bool) -> str | None:
        name = field.name.removesuffix("s") if field.is_repeated else field.name
        if name == "request_id":
            return str(uuid.uuid4())
        if name == "id":
            return self._ids.get(self._of_id, str(uuid.uuid4())) if top else str(uuid.uuid4())
        if name == "name":
            return self._operation
        if name.endswith("_id"):
            kind = name.removesuffix("_id").removeprefix("source_").removeprefix("parent_")
            return self._ids.get(kind) or (
                self._ids["customer"] if kind in {"source", "target", "party"} else None
            )
        for word, value in self._words.items():
            if word in name and not self._creates:
                return value
        samples = {
            "currency_code": "CNY",
            "amount": "1.00",
            "time_zone": "Asia/Shanghai",
            "language_code": "en",
        }
        return samples.get(name, "x" if "name" in name or "text" in name or "note" in name else None)


def _of_ours(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return not kind.GetOptions().map_entry and not kind.full_name.startswith("google.")


def _is_file(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.full_name == "google.api.HttpBody"


def _later(field: FieldDescriptor) -> bool:
    """Of a oneof only the first field is given."""
    oneof = field.containing_oneof
    return oneof is not None and oneof.fields[0].name != field.name


def _output_only(field: FieldDescriptor) -> bool:
    return OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
