"""Consents between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from taproot.customer.events.v1.consent_event_pb2 import ConsentEvent
from taproot.customer.v1 import consent_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_customer.consents.model import WITHDRAWN, Consent
from taproot_storage.eventlog import Recorded

CHANNEL, DECISION = "CONSENT_CHANNEL_", "CONSENT_DECISION_"
_PLAIN = ("purpose", "source", "proof")


def to_message(row: Any) -> pb.Consent:
    """From a row of the table or a mapped Consent."""
    read = row.__getitem__ if not isinstance(row, Consent) else lambda name: getattr(row, name)
    return pb.Consent(
        id=str(read("id")),
        customer_id=str(read("customer_id")),
        channel=wire.enum_number(pb.ConsentChannel, read("channel"), CHANNEL),
        decision=wire.enum_number(pb.ConsentDecision, read("decision"), DECISION),
        effective_time=wire.to_timestamp(read("effective_time")),
        expire_time=wire.to_timestamp(read("expire_time")),
        recorded_by_id=wire.text_of(read("recorded_by_id")),
        create_time=wire.to_timestamp(read("create_time")),
        branch_id=wire.text_of(read("branch_id")),
        **{name: read(name) for name in _PLAIN},
    )


def to_event(consent: Consent, _recorded: Recorded) -> ConsentEvent:
    return ConsentEvent(consent=to_message(consent))


def to_state(row: Any, now: datetime) -> pb.ConsentState:
    expired = row["expire_time"] is not None and row["expire_time"] <= now
    decision = WITHDRAWN if expired else row["decision"]
    return pb.ConsentState(
        purpose=row["purpose"],
        channel=wire.enum_number(pb.ConsentChannel, row["channel"], CHANNEL),
        decision=wire.enum_number(pb.ConsentDecision, decision, DECISION),
        effective_time=wire.to_timestamp(row["effective_time"]),
        expire_time=wire.to_timestamp(row["expire_time"]),
        source=row["source"],
        consent_id=str(row["consent_id"]),
    )


def to_values(message: pb.Consent, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in names:
        values[name] = getattr(message, name) if name in _PLAIN else _SPECIAL[name](message)
    return values


_SPECIAL: dict[str, Any] = {
    "channel": lambda m: channel_of(m.channel),
    "decision": lambda m: wire.enum_name(pb.ConsentDecision, m.decision, DECISION),
    "effective_time": lambda m: wire.optional_instant(m, "effective_time"),
    "expire_time": lambda m: wire.optional_instant(m, "expire_time"),
}
FIELDS = (*_PLAIN, *_SPECIAL)


def channel_of(number: int) -> str:
    return wire.enum_name(pb.ConsentChannel, number, CHANNEL)


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
