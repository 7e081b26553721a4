"""Messages as plain JSON values that the message's own constructor takes back: much faster than the JSON format."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from taproot_base.descriptors import is_repeated


def pack(message: Message) -> dict[str, Any]:
    """`Kind(**pack(message)) == message` for messages without maps, bytes and Struct."""
    return {
        field.name: [_plain(item) for item in value] if is_repeated(field) else _plain(value)
        for field, value in message.ListFields()
    }


def _plain(value: Any) -> Any:
    return pack(value) if isinstance(value, Message) else value
