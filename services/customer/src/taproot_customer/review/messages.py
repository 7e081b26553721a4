"""Pairs and rules between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from taproot.customer.v1 import duplicate_pair_pb2 as pb
from taproot_base import wire
from taproot_customer.customers import messages as customers
from taproot_customer.matching.score import REVIEW

_STATE = "DUPLICATE_PAIR_STATE_"


def to_message(row: Mapping[str, Any], sides: Mapping[uuid.UUID, Any]) -> pb.DuplicatePair:
    """`sides`: rows of the customers by id."""
    message = pb.DuplicatePair(
        id=str(row["id"]),
        state=wire.enum_number(pb.DuplicatePairState, row["state"], _STATE),
        score=float(row["score"]),
        evidence=evidence(row["evidence"]),
        contradicted=row["contradicted"],
        decided_by=row["decided_by"],
        decide_time=wire.to_timestamp(row["decide_time"]),
        note=row["note"],
        survivor_id=wire.text_of(row["survivor_id"]),
        create_time=wire.to_timestamp(row["create_time"]),
        update_time=wire.to_timestamp(row["update_time"]),
        etag=str(row["version"]),
    )
    for name in ("left", "right"):
        if (customer := sides.get(row[f"{name}_id"])) is not None:
            getattr(message, name).CopyFrom(customers.to_message(customer))
    return message


def evidence(stored: Sequence[Sequence[Any]]) -> list[pb.DuplicateEvidence]:
    return [pb.DuplicateEvidence(field=one[0], outcome=one[1], weight=one[2]) for one in stored]


def rules_message(row: Mapping[str, Any]) -> pb.DuplicateRules:
    return pb.DuplicateRules(
        review_from=row["review_from"],
        merge_from=row["merge_from"],
        update_time=wire.to_timestamp(row["update_time"]),
        etag=str(row["version"]),
    )


RULES = ("review_from", "merge_from")


def rules_values(message: pb.DuplicateRules, names: Sequence[str]) -> dict[str, float]:
    values = {name: getattr(message, name) for name in names if name in RULES}
    if values.get("review_from") == 0:
        values["review_from"] = REVIEW
    return values
