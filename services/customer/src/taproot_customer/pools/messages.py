"""Pools between protobuf and columns."""

from __future__ import annotations

from taproot.customer.events.v1.pool_rule_event_pb2 import PoolRuleEvent
from taproot.customer.v1 import pool_pb2 as pb
from taproot_base.errors import InvalidArgument
from taproot_customer.pools.model import PoolRule
from taproot_customer.pools.queries import SHELF
from taproot_records.mapping import row_of
from taproot_storage.eventlog import Recorded


def to_event(rule: PoolRule, _recorded: Recorded) -> PoolRuleEvent:
    return PoolRuleEvent(pool_rule=SHELF.message(row_of(rule)))


def check_new(message: pb.PoolRule) -> None:
    if not message.display_name:
        raise InvalidArgument([("pool_rule.display_name", "a pool needs a name")])
