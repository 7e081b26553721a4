"""Saved views between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.identity.v1 import saved_view_pb2 as pb
from taproot_base import wire
from taproot_base.text import sort_key

FIELDS = ("display_name", "filter", "order_by", "columns")
SHARING = "SAVED_VIEW_SHARING_"


def to_message(row: Any) -> pb.SavedView:
    return pb.SavedView(
        id=str(row["id"]),
        display_name=row["display_name"],
        collection=row["collection"],
        filter=row["filter"],
        order_by=row["order_by"],
        columns=row["columns"],
        sharing=wire.enum_number(pb.SavedViewSharing, row["sharing"], SHARING),
        team_id=wire.text_of(row["team_id"]),
        branch_id=wire.text_of(row["branch_id"]),
        owner_id=str(row["owner_id"]),
        starred=row["starred"],
        chosen=row["chosen"],
        create_time=wire.to_timestamp(row["create_time"]),
        update_time=wire.to_timestamp(row["update_time"]),
        etag=str(row["version"]),
    )


def to_values(message: pb.SavedView, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(message, name) for name in names if name in FIELDS}
    if "columns" in values:
        values["columns"] = list(values["columns"])
    if "display_name" in values:
        values["sort_key"] = sort_key(values["display_name"])
    return values
