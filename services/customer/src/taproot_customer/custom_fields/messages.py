"""Custom fields between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.customer.events.v1.custom_field_event_pb2 import CustomFieldEvent
from taproot.customer.v1 import custom_field_pb2 as pb
from taproot_customer.custom_fields.model import CustomField
from taproot_records.conversions import Conversion, Conversions
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def _options(message: Any) -> list[dict[str, Any]]:
    return [{"key": option.key, "labels": dict(option.labels)} for option in message.options]


def _put_options(message: Any, stored: list[dict[str, Any]]) -> None:
    message.options.extend(pb.CustomFieldOption(**option) for option in stored)


CONVERSIONS = Conversions(
    Conversion("labels", "label_texts", lambda m: dict(m.labels), lambda m, v: m.labels.update(v)),
    Conversion(
        "help_texts", "help_by_language", lambda m: dict(m.help_texts), lambda m, v: m.help_texts.update(v)
    ),
    Conversion("options", "option_list", _options, _put_options),
)


def to_message(field: CustomField) -> pb.CustomField:
    row = row_of(field)
    message = message_of(pb.CustomField, row)
    CONVERSIONS.fill(message, row)
    return message


def to_event(field: CustomField, _recorded: Recorded) -> CustomFieldEvent:
    return CustomFieldEvent(custom_field=to_message(field))
