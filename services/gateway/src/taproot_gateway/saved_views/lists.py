"""The lists that views are kept for, found in the contracts, and what a view of one may say.

The list itself judges filter and order: it is asked for one record, as the caller. So the gateway knows nothing of
the services' fields, and fields of the enterprise's own and masks are judged by who knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor

from taproot_base.client import Peers
from taproot_base.context import current_call
from taproot_base.errors import InvalidArgument, Unavailable, Violation
from taproot_base.masking import masked_fields
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.contracts import http_rules
from taproot_gateway.transcoding.routes import backend_name, grpc_path

_LISTED = re.compile(r"^/v1/([A-Za-z]+)$")
_WITHOUT = frozenset({"identity", "operations"})
"""Identities are no one's daily lists; operations and the audit are gathered from all services: none judges a filter."""
_NEEDED = {"filter", "order_by", "page_size"}


@dataclass(frozen=True)
class Listed:
    method: MethodDescriptor

    @property
    def backend(self) -> str:
        return backend_name(self.method)

    @property
    def item(self) -> Descriptor:
        """What it is a list of: by convention the first field of the answer."""
        found = self.method.output_type.fields_by_number[1].message_type
        assert found is not None, self.method.full_name
        return found


class Listings:
    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    @cached_property
    def _known(self) -> Mapping[str, Listed]:
        return dict(_lists())

    async def check(self, collection: str, values: Mapping[str, Any]) -> None:
        """Raises InvalidArgument with all that is wrong, and what the list answers to the caller otherwise."""
        listed = self._known.get(collection)
        if listed is None:
            raise InvalidArgument([("saved_view.collection", "is not a list that views are kept for")])
        wrong = list(_wrong_columns(listed.item, values["columns"]))
        try:
            await self._ask(listed, values)
        except InvalidArgument as error:
            wrong += [Violation(f"saved_view.{each.field}", each.description) for each in error.violations]
        if wrong:
            raise InvalidArgument(wrong)

    async def _ask(self, listed: Listed, values: Mapping[str, Any]) -> None:
        request: Any = message_factory.GetMessageClass(listed.method.input_type)()
        request.filter, request.order_by, request.page_size = values["filter"], values["order_by"], 1
        try:
            channel = self._peers.channel(listed.backend)
        except KeyError as error:
            raise Unavailable(f"no address is set for the service {listed.backend}") from error
        answer = message_factory.GetMessageClass(listed.method.output_type)
        call = channel.unary_unary(
            grpc_path(listed.method),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        await self._peers.call(call, request)


@cache
def collections() -> frozenset[str]:
    """The names of the lists that views are kept for."""
    return frozenset(name for name, _ in _lists())


def _lists() -> Iterator[tuple[str, Listed]]:
    """Only plain ones: a list below a record needs the record."""
    for service in contracts.load().services():
        for method in service.methods:
            fields = method.input_type.fields_by_name
            if (
                not method.name.startswith("List")
                or not set(fields) >= _NEEDED
                or backend_name(method) in _WITHOUT
            ):
                continue
            for rule in http_rules(method):
                if found := _LISTED.match(rule.get):
                    yield found.group(1), Listed(method)


def _wrong_columns(item: Descriptor, columns: list[str]) -> Iterator[Violation]:
    hidden = masked_fields(item, current_call().masked)
    for at, column in enumerate(columns):
        path = f"saved_view.columns[{at}]"
        if column.partition(".")[0] in hidden:
            yield Violation(path, f"{column} is hidden from you")
        elif not _is_path(item, column.split(".")):
            yield Violation(path, f"{item.name} has no field {column}")


def _is_path(item: Descriptor, parts: list[str]) -> bool:
    """Keys of maps and of fields of the enterprise's own are free."""
    field = item.fields_by_name.get(parts[0])
    if field is None or len(parts) == 1:
        return field is not None
    kind: Descriptor | None = field.message_type
    if kind is None:
        return False
    free = kind.GetOptions().map_entry or kind.full_name == "google.protobuf.Struct"
    return free or _is_path(kind, parts[1:])
