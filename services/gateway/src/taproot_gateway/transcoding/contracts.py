"""The contracts as loaded from the descriptor image: services, options and the comments of the sources."""

from __future__ import annotations

import importlib
import importlib.resources
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

import taproot
from taproot.options.v1 import options_pb2

OURS = "taproot/"
_MODULE = "_pb2"

# Field numbers inside the descriptor messages: `SourceCodeInfo.Location.path` is made of them.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE, _SERVICE_METHOD = 2, 2


@dataclass(frozen=True)
class Contracts:
    files: tuple[FileDescriptor, ...]

    @cached_property
    def comments(self) -> Mapping[str, str]:
        """Full name of a message, field, enum, enum value, service or method -> its comment.

        Read when first asked for: only the documentation needs them, and they cost megabytes.
        """
        image = FileDescriptorSet.FromString(_image())
        ours = (file for file in image.file if file.name.startswith(OURS))
        return {name: comment for file in ours for name, comment in _comments(file)}

    def services(self) -> Iterator[ServiceDescriptor]:
        for file in self.files:
            yield from file.services_by_name.values()

    def comment(self, full_name: str) -> str:
        return self.comments.get(full_name, "")


@cache
def load() -> Contracts:
    """Imports every generated module, so that the default pool knows all of them."""
    names = sorted(_names_of_modules())
    for name in names:
        importlib.import_module(name.replace("/", ".") + _MODULE)
    pool = descriptor_pool.Default()
    return Contracts(tuple(pool.FindFileByName(f"{name}.proto") for name in names))


def _names_of_modules() -> Iterator[str]:
    for root in map(Path, taproot.__path__):
        for file in root.rglob(f"*{_MODULE}.py"):
            yield file.relative_to(root.parent).as_posix().removesuffix(f"{_MODULE}.py")


def http_rules(method: MethodDescriptor) -> list[HttpRule]:
    """The HTTP bindings of a method: the main one and its additional ones."""
    options: Any = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    return [rule, *rule.additional_bindings]


def is_map(field: FieldDescriptor) -> bool:
    return bool(
        field.is_repeated and field.message_type is not None and field.message_type.GetOptions().map_entry
    )


def _image() -> bytes:
    return importlib.resources.files("taproot_contracts").joinpath("image.binpb").read_bytes()


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    names = dict(_names(file))
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        if name and location.leading_comments:
            yield name, _tidy(location.leading_comments)


def _tidy(comment: str) -> str:
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.strip("\n").splitlines())


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, message in enumerate(file.message_type):
        yield from _message_names(message, file.package, (_FILE_MESSAGE, index))
    for index, enum in enumerate(file.enum_type):
        path = (_FILE_ENUM, index)
        yield path, f"{file.package}.{enum.name}"
        for number, value in enumerate(enum.value):
            yield (*path, _ENUM_VALUE, number), f"{file.package}.{enum.name}.{value.name}"
    for index, service in enumerate(file.service):
        path = (_FILE_SERVICE, index)
        yield path, f"{file.package}.{service.name}"
        for number, method in enumerate(service.method):
            yield (*path, _SERVICE_METHOD, number), f"{file.package}.{service.name}.{method.name}"


def _message_names(
    message: DescriptorProto, scope: str, path: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], str]]:
    name = f"{scope}.{message.name}"
    yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _MESSAGE_FIELD, index), f"{name}.{field.name}"
    for index, nested in enumerate(message.nested_type):
        yield from _message_names(nested, name, (*path, _MESSAGE_NESTED, index))
    for index, enum in enumerate(message.enum_type):
        inner = (*path, _MESSAGE_ENUM, index)
        yield inner, f"{name}.{enum.name}"
        for number, value in enumerate(enum.value):
            yield (*inner, _ENUM_VALUE, number), f"{name}.{enum.name}.{value.name}"


def permissions(loaded: Contracts) -> frozenset[str]:
    """Every permission some method asks for."""
    return frozenset(
        _access(method).permission for service in loaded.services() for method in service.methods
    )


def _access(method: MethodDescriptor) -> Any:
    options: Any = method.GetOptions()
    return options.Extensions[options_pb2.access]
