"""Endpoints and deliveries between protobuf and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from taproot.identity.events.v1.webhook_event_pb2 import WebhookEvent
from taproot.identity.v1 import webhook_pb2 as pb
from taproot_base import wire
from taproot_gateway.webhooks.model import Webhook
from taproot_storage.eventlog import Recorded

FIELDS = ("display_name", "url", "event_types", "filter")


def to_message(row: Any) -> pb.Webhook:
    """From a row of `queries.listed` or a mapped Webhook; only the row says how sending goes."""
    read: Callable[[str], Any] = (
        row.__getitem__ if not isinstance(row, Webhook) else lambda name: getattr(row, name, None)
    )
    return pb.Webhook(
        id=str(read("id")),
        display_name=read("display_name"),
        url=read("url"),
        event_types=read("event_types"),
        filter=read("filter"),
        state=wire.enum_number(pb.WebhookState, read("state"), "WEBHOOK_STATE_"),
        disable_reason=wire.enum_number(
            pb.WebhookDisableReason, read("disable_reason") or "", "WEBHOOK_DISABLE_REASON_"
        ),
        owner_id=str(read("owner_id")),
        branch_id=wire.text_of(read("branch_id")),
        failing_since_time=wire.to_timestamp(read("failing_since")),
        previous_secret_expire_time=wire.to_timestamp(read("previous_secret_expire_time")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
    )


def to_event(webhook: Webhook, recorded: Recorded) -> WebhookEvent:
    return WebhookEvent(webhook=to_message(webhook), version=recorded.version)


def to_values(message: pb.Webhook, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(message, name) for name in names if name in FIELDS}
    if "event_types" in values:
        values["event_types"] = sorted(set(values["event_types"]))
    return values


def delivery(row: Any) -> pb.WebhookDelivery:
    return pb.WebhookDelivery(
        id=str(row["id"]),
        webhook_id=str(row["webhook_id"]),
        event_id=str(row["event_id"]),
        event_type=row["event_type"],
        resource_id=str(row["resource_id"]),
        state=wire.enum_number(pb.WebhookDeliveryState, row["state"], "WEBHOOK_DELIVERY_STATE_"),
        attempts=row["attempts"],
        response_status=row["response_status"],
        error=row["error"],
        occur_time=wire.to_timestamp(row["occur_time"]),
        next_attempt_time=wire.to_timestamp(row["next_attempt_time"]),
        deliver_time=wire.to_timestamp(row["deliver_time"]),
    )
