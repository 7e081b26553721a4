"""Loyalty between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.marketing.events.v1.loyalty_account_event_pb2 import LoyaltyAccountEvent
from taproot.marketing.events.v1.loyalty_program_event_pb2 import LoyaltyProgramEvent
from taproot.marketing.v1 import loyalty_pb2 as pb
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyProgram, LoyaltyTransaction
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def program_message(program: LoyaltyProgram) -> pb.LoyaltyProgram:
    return message_of(pb.LoyaltyProgram, row_of(program))


def fill_amount(message: pb.LoyaltyProgram, row: Any) -> None:
    """The shortest text of the amount: `10`, not `10.000000`."""
    if row["amount_per_point"] is not None:
        message.amount_per_point = f"{row['amount_per_point'].normalize():f}"


def to_program_event(program: LoyaltyProgram, _recorded: Recorded) -> LoyaltyProgramEvent:
    return LoyaltyProgramEvent(loyalty_program=program_message(program))


def account_message(account: LoyaltyAccount) -> pb.LoyaltyAccount:
    return message_of(pb.LoyaltyAccount, row_of(account))


def transaction_message(row: Any) -> pb.LoyaltyTransaction:
    return message_of(pb.LoyaltyTransaction, row)


def to_account_event(account: LoyaltyAccount, recorded: Recorded) -> LoyaltyAccountEvent:
    event = LoyaltyAccountEvent(
        loyalty_account=account_message(account),
        previous_tier=recorded.detail.get("previous_tier", ""),
    )
    transaction: LoyaltyTransaction | None = recorded.detail.get("transaction")
    if transaction is not None:
        event.transaction.CopyFrom(transaction_message(row_of(transaction)))
    return event
