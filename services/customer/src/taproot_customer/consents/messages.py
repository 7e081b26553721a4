"""Consents between protobuf and columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from taproot.customer.events.v1.consent_event_pb2 import ConsentEvent
from taproot.customer.v1 import consent_pb2 as pb
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.consents.model import WITHDRAWN, Consent
from taproot_customer.consents.queries import SHELF
from taproot_records.mapping import message_of, row_of, short_name
from taproot_storage.eventlog import Recorded


def to_event(consent: Consent, _recorded: Recorded) -> ConsentEvent:
    return ConsentEvent(consent=SHELF.message(row_of(consent)))


def to_state(row: Any, now: datetime) -> pb.ConsentState:
    expired = row["expire_time"] is not None and row["expire_time"] <= now
    return message_of(pb.ConsentState, dict(row) | ({"decision": WITHDRAWN} if expired else {}))


def channel_of(number: int) -> str:
    return short_name(pb.ConsentChannel.DESCRIPTOR, number)


def check_new(message: pb.Consent) -> None:
    required = {
        "customer_id": "say whose consent it is",
        "purpose": "say what for",
        "channel": "say by which channel",
        "decision": "say yes or no",
        "source": "say where it was said",
    }
    violations = [
        Violation(f"consent.{name}", text) for name, text in required.items() if not getattr(message, name)
    ]
    if violations:
        raise InvalidArgument(violations)
