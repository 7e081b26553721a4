"""Use cases of endpoints."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from taproot_base.errors import InvalidArgument, NotFound, PermissionDenied
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id
from taproot_gateway.webhooks import deliveries, filters, queries, signing
from taproot_gateway.webhooks.guard import Guard, Refused
from taproot_gateway.webhooks.model import BY_HAND, Webhook
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

DEFAULT_OVERLAP_HOURS = 24


@dataclass(frozen=True)
class Replay:
    webhook_id: uuid.UUID
    delivery_ids: Sequence[uuid.UUID]
    start: datetime | None
    end: datetime | None
    delivered: bool


def check_values(values: Mapping[str, Any], guard: Guard) -> None:
    """Raises InvalidArgument with everything that is wrong."""
    wrong = [(f"webhook.{name}", "is required") for name in ("display_name", "url") if values.get(name) == ""]
    if values.get("url"):
        try:
            guard.target(values["url"])
        except Refused as error:
            wrong.append(("webhook.url", str(error)))
    if values.get("filter"):
        try:
            filters.check(values["filter"])
        except InvalidArgument as error:
            wrong += [(one.field, one.description) for one in error.violations]
    if wrong:
        raise InvalidArgument(wrong)


async def create_webhook(
    key: uuid.UUID | None,
    values: Mapping[str, Any],
    branch_id: uuid.UUID | None,
    vault: signing.Vault,
    work: UnitOfWork,
) -> tuple[Webhook, str]:
    """The endpoint and its secret, which is shown once."""
    place = await Placer("webhooks", work).place(_owner(), branch_id)
    secret = signing.new_secret()
    where = {"owner_id": _owner(), "branch_id": place.branch_id, "branch_path": place.branch_path}
    webhook = Webhook.create(key or new_id(), {**values, **where}, vault.seal(secret), work.clock.now())
    await work.add(webhook)
    await deliveries.open_run(webhook.id, work)
    return webhook, signing.shown(secret)


async def update_webhook(key: uuid.UUID, etag: str, values: Mapping[str, Any], work: UnitOfWork) -> Webhook:
    webhook = await _load(work, key, etag)
    webhook.change(values, _owner(), work.clock.now())
    return webhook


async def rotate_secret(
    key: uuid.UUID, etag: str, overlap_hours: int, vault: signing.Vault, work: UnitOfWork
) -> tuple[Webhook, str]:
    webhook = await _load(work, key, etag)
    secret, now = signing.new_secret(), work.clock.now()
    until = now + timedelta(hours=overlap_hours or DEFAULT_OVERLAP_HOURS) if overlap_hours >= 0 else None
    webhook.rotate(vault.seal(secret), until, _owner(), now)
    return webhook, signing.shown(secret)


async def enable_webhook(key: uuid.UUID, etag: str, work: UnitOfWork) -> Webhook:
    webhook = await _load(work, key, etag)
    webhook.enable(work.clock.now())
    await deliveries.forgive(key, work)
    return webhook


async def disable_webhook(key: uuid.UUID, etag: str, work: UnitOfWork) -> Webhook:
    webhook = await _load(work, key, etag)
    webhook.disable(BY_HAND, work.clock.now())
    return webhook


async def delete_webhook(key: uuid.UUID, etag: str, work: UnitOfWork) -> Webhook:
    webhook = await _load(work, key, etag)
    webhook.delete(work.clock.now())
    await deliveries.forget(key, work)
    return webhook


async def replay_deliveries(command: Replay, work: UnitOfWork) -> int:
    """How many will be sent again."""
    if not command.delivery_ids and command.start is None:
        raise InvalidArgument([("start_time", "is required without delivery_ids")])
    webhook = await _load(work, command.webhook_id, "")
    webhook.require_enabled()
    return await deliveries.replay(command, work)


def _owner() -> uuid.UUID:
    owner = caller_id()
    if owner is None:
        raise PermissionDenied("only staff has webhooks")
    return owner


async def _load(work: UnitOfWork, key: uuid.UUID, etag: str) -> Webhook:
    webhook: Webhook | None = await work.scalar(queries.for_change(key))
    if webhook is None:
        raise NotFound("webhook", key)
    check_etag(etag, webhook.version)
    return webhook
