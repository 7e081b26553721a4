"""Hierarchies as protobuf."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from taproot.customer.v1 import hierarchy_pb2 as pb
from taproot_customer.hierarchies.queries import MOST_NODES
from taproot_customer.hierarchies.rollup import Counts, rolled_up
from taproot_records.mapping import message_of

Own = Mapping[uuid.UUID, Counts]


def to_hierarchy(
    above: Sequence[Any], below: Sequence[Any], home: Sequence[Any], own: Own
) -> pb.CustomerHierarchy:
    """`own`: counts of all of them."""
    nodes = below[:MOST_NODES]
    totals = rolled_up([(row["id"], row["parent_id"]) for row in nodes], own)
    hierarchy = pb.CustomerHierarchy(
        ancestors=[_node(row, own) for row in above],
        nodes=[_node(row, own, totals) for row in nodes],
        truncated=len(below) > MOST_NODES,
    )
    if len(home) > 1:
        together = sum((Counter(own[row["id"]]) for row in home), Counter[str]())
        hierarchy.household.extend(_node(row, own) for row in home)
        hierarchy.household_total.CopyFrom(pb.CustomerCounts(**together))
    return hierarchy


def _node(row: Any, own: Own, totals: Mapping[uuid.UUID, Counts] | None = None) -> pb.HierarchyNode:
    node = message_of(pb.HierarchyNode, {"customer_id": row["id"], **dict(row)})
    node.own.CopyFrom(pb.CustomerCounts(**own[row["id"]]))
    if totals is not None:
        node.total.CopyFrom(pb.CustomerCounts(**totals[row["id"]]))
    return node
