"""Shares between protobuf and columns."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot.customer.v1 import customer_share_pb2 as pb
from taproot.customer.v1 import customer_share_service_pb2 as rpc
from taproot_base import wire
from taproot_customer.sharing.handlers import ShareCustomer, UnshareCustomer
from taproot_customer.sharing.model import READ
from taproot_records.mapping import message_of, short_name


def to_message(row: Any) -> pb.CustomerShare:
    return message_of(pb.CustomerShare, row)


def to_share(request: rpc.ShareCustomerRequest) -> ShareCustomer:
    return ShareCustomer(
        id=UUID(request.id),
        etag=request.etag,
        user_id=wire.optional_uuid(request.user_id),
        team_id=wire.optional_uuid(request.team_id),
        branch_id=wire.optional_uuid(request.branch_id),
        level=short_name(pb.CustomerShareLevel.DESCRIPTOR, request.level) or READ,
        expire_time=wire.optional_instant(request, "expire_time"),
        reason=request.reason,
    )


def to_unshare(request: rpc.UnshareCustomerRequest) -> UnshareCustomer:
    return UnshareCustomer(UUID(request.id), UUID(request.share_id), request.etag, request.reason)
