"""Which events callers can be told of, read from the contracts: their records, and the permission that reads those."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import Message

from taproot_gateway.transcoding.contracts import Contracts, http_rules
from taproot_gateway.transcoding.routes import access_of

_EVENTS = ".events.v1"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A record with one of these belongs to somebody: an event of it that says to whom is for those alone.
_BELONGS = ("owner_id", "branch_id", "team_id", "customer_id")
# Users, roles and offices are seen by reach though the records themselves do not all say where they belong.
_ALWAYS_SCOPED = "identity"


@dataclass(frozen=True)
class Kind:
    """The events of one aggregate."""

    source: str
    """The service, such as `customer`."""
    aggregate: str
    """Start of the event's type: `price_book` of `price_book.updated`."""
    collection: str
    """Where the record is read: `priceBooks` for `/v1/priceBooks/{id}`."""
    permission: str
    portal: bool
    scoped: bool
    message: type[Message]
    field: str
    """The record in the event message."""
    has_team: bool
    has_shares: bool
    """Its events tell with whom the record is shared."""

    def record(self, payload: bytes) -> Any:
        return getattr(self.message.FromString(payload), self.field)


class Catalog:
    def __init__(self, contracts: Contracts) -> None:
        reads = dict(_reads(contracts))
        found = [kind for file in contracts.files for kind in _kinds(file, reads)]
        self.kinds: Mapping[tuple[str, str], Kind] = {(kind.source, kind.aggregate): kind for kind in found}
        self.sources = sorted({kind.source for kind in found})
        self.aggregates = frozenset(kind.aggregate for kind in found)
        self.collections = frozenset(kind.collection for kind in found)

    def find(self, source: str, event_type: str) -> Kind | None:
        """None for events nobody reads a record for."""
        return self.kinds.get((source, event_type.partition(".")[0]))


@dataclass(frozen=True)
class _Read:
    permission: str
    portal: bool
    collection: str


def _reads(contracts: Contracts) -> Iterator[tuple[str, _Read]]:
    """Full name of a record's message -> how it is read."""
    for service in contracts.services():
        for method in service.methods:
            access = access_of(method)
            if not method.name.startswith("Get") or "." not in access.permission:
                continue
            for rule in http_rules(method)[:1]:
                path, _, last = rule.get.removeprefix("/v1/").rpartition("/")
                if last == "{id}" and "{" not in path:
                    yield method.output_type.full_name, _Read(access.permission, access.portal, path)


def _kinds(file: FileDescriptor, reads: Mapping[str, _Read]) -> Iterator[Kind]:
    if not file.package.endswith(_EVENTS):
        return
    source = file.package.split(".")[1]
    for message in file.message_types_by_name.values():
        record = message.fields[0].message_type if message.name.endswith("Event") else None
        read = reads.get(record.full_name) if record is not None else None
        if record is not None and read is not None:
            yield _kind(source, message, record, read)


def _kind(source: str, message: Descriptor, record: Descriptor, read: _Read) -> Kind:
    return Kind(
        source=source,
        aggregate=_CAPITAL.sub("_", message.name.removesuffix("Event")).lower(),
        collection=read.collection,
        permission=read.permission,
        portal=read.portal,
        scoped=source == _ALWAYS_SCOPED or any(name in record.fields_by_name for name in _BELONGS),
        message=message_factory.GetMessageClass(message),
        field=message.fields[0].name,
        has_team="team_id" in record.fields_by_name,
        has_shares="shares" in message.fields_by_name,
    )
