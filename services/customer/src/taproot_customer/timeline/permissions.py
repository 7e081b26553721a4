"""Which permission reads the record that a line of the timeline or of the profile tells of."""

from __future__ import annotations

from functools import cache
from typing import Any

from taproot_base.context import current_call
from taproot_chassis.events import Event
from taproot_customer.timeline.payloads import decode, record_of
from taproot_customer.timeline.words import WORDS

# Read with another resource than their name says.
_READ_WITH = {
    "form": "forms",
    "journey_run": "journeys",
    "score": "scores",
    "segment_member": "segments",
    "sla": "tickets",
    "survey": "survey_responses",
}
_KNOWN = frozenset(event.partition(".")[0] for event in WORDS)
# Of events the timeline has no words for: only who may read everything sees them.
UNKNOWN = "unknown_records.read"
# They lie where their customer lies: who sees it sees them, given the permission.
_UNPLACED = frozenset(
    {
        "attachment", "consent", "contact", "delivery", "form", "journey_run", "loyalty_account", "relationship", "score",
        "segment_member", "suppression",
    }
)  # fmt: skip


@cache
def permission_of(aggregate: str) -> str:
    """Empty for the customer's own events: they show with the customer."""
    if aggregate == "customer":
        return ""
    if aggregate not in _KNOWN:
        return UNKNOWN
    if aggregate in _READ_WITH:
        return f"{_READ_WITH[aggregate]}.read"
    if aggregate.endswith("y") and aggregate[-2] not in "aeiou":
        return f"{aggregate[:-1]}ies.read"
    return f"{aggregate}{'es' if aggregate.endswith(('ch', 'sh', 's')) else 's'}.read"


PERMISSIONS = frozenset(map(permission_of, _KNOWN)) - {""} | {UNKNOWN}


def place_of(event: Event) -> dict[str, Any]:
    """The columns that decide who sees the line (see `taproot_storage.mixed`).

    The branch is the one the record names, at the path it has now: a message may be older than a move.
    """
    record: Any = decode(event)
    record = None if record is None else record_of(record)
    branch = current_call().directory.branches.get(getattr(record, "branch_id", ""))
    return {
        "permission": permission_of(event.aggregate_type),
        "placed": event.aggregate_type not in _UNPLACED,
        "owner_id": event.owner_id,
        "team_id": getattr(record, "team_id", "") or None,
        "branch_path": branch.path if branch is not None else event.branch_path or "",
    }


def moves(event: Event) -> bool:
    """Whether the record now belongs to somebody or somewhere else."""
    message: Any = decode(event)
    before = (getattr(message, name, "") for name in ("previous_owner_id", "previous_branch_id"))
    return event.name == "assigned" or any(before)
