"""Everything a service holds about a person, as JSON."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import orjson
from google.protobuf import json_format
from sqlalchemy import select

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_records.privacy.erasing import about, operations_about, record_keys
from taproot_records.privacy.holdings import Holding, Holdings, Person, within
from taproot_records.privacy.redaction import kind_of
from taproot_storage.database import Reader
from taproot_storage.schema import event_log, operations

EVENTS = "events"
_EVENT = ("id", "type", "occurred_at", "actor", "aggregate_id", "version")


async def collect(
    holdings: Holdings, person: Person, reader: Reader
) -> AsyncIterator[pb.CollectPersonalDataResponse]:
    for one in holdings.all:
        for row in await reader.fetch(select(one.table).where(one.of(person), within(one.table))):
            yield pb.CollectPersonalDataResponse(table=one.table.name, json=_text(_shown(one, row)))
    keys = person.keys | await record_keys(holdings, person, reader)
    for row in await reader.fetch(select(operations).where(operations_about(keys))):
        yield pb.CollectPersonalDataResponse(table=operations.name, json=_text(dict(row.items())))
    wanted = select(event_log).where(about(keys, person)).order_by(event_log.c.number)
    for row in await reader.fetch(wanted):
        shown = {name: row[name] for name in _EVENT} | {"payload": _payload(holdings.service, row)}
        yield pb.CollectPersonalDataResponse(table=EVENTS, json=_text(shown))


def _shown(one: Holding, row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in one.secret}


def _payload(service: str, row: Any) -> Any:
    kind = kind_of(service, row["type"])
    if kind is None:
        return row["payload"]
    return json_format.MessageToDict(kind.FromString(row["payload"]), preserving_proto_field_name=True)


def _text(row: dict[str, Any]) -> str:
    return orjson.dumps(row, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal | uuid.UUID | dt.timedelta):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")
