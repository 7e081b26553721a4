"""Fields stored under another name or type than the one `mapping` reads off the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from taproot_records import writing
from taproot_records.mapping import Values
from taproot_storage.updates import changed_fields


@dataclass(frozen=True)
class Conversion:
    """`read`: message -> what is stored in `column`. `write`: what is stored, when not NULL, into the message.

    No field of the contract may have the name of the column: `mapping` would take it for that field's.
    """

    field: str
    column: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


class Conversions:
    """The odd fields of one resource; all its other fields go by `mapping`."""

    def __init__(self, *conversions: Conversion) -> None:
        self._by_field = {each.field: each for each in conversions}

    def given(self, message: Message, model: Any) -> Values:
        """As `writing.given`."""
        present = {field.name for field, _ in message.ListFields()}
        odd = self._read(message, present)
        return writing.given(self._without(message), model) | odd

    def changes(
        self, message: Message, mask: FieldMask, model: Any, by_verb: Mapping[str, str] | None = None
    ) -> Values:
        """As `writing.changes`."""
        names = changed_fields(message, mask, by_verb=by_verb)
        plain = FieldMask(paths=[name for name in names if name not in self._by_field])
        values = writing.changes(message, plain, model) if plain.paths else {}
        return values | self._read(message, set(names))

    def fill(self, message: Any, row: Mapping[str, Any]) -> None:
        """For `Shelf`: adds the odd fields to the message of a row."""
        for each in self._by_field.values():
            if row[each.column] is not None:
                each.write(message, row[each.column])

    def _read(self, message: Message, names: set[str]) -> Values:
        found = [each for name, each in self._by_field.items() if name in names]
        return {each.column: each.read(message) for each in found}

    def _without(self, message: Message) -> Message:
        plain = type(message)()
        plain.CopyFrom(message)
        for name in self._by_field:
            plain.ClearField(name)
        return plain
