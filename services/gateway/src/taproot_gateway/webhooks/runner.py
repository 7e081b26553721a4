"""Sending: each endpoint by one runner at a time, over all gateways, at least once (ADR 0025)."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from opentelemetry.trace import SpanKind
from prometheus_client import Counter
from sqlalchemy import select

from taproot_base import telemetry
from taproot_base.auth import Principal
from taproot_base.context import Call, calling
from taproot_base.errors import AppError, Unavailable
from taproot_base.tasks import end
from taproot_chassis.identities import AccessStore
from taproot_gateway.mails.queue import WEBHOOK_FAILING, WEBHOOK_GONE, queue_mail
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.webhooks import deliveries, model, rendering, signing
from taproot_gateway.webhooks.guard import Guard
from taproot_gateway.webhooks.model import Webhook
from taproot_gateway.webhooks.rendering import Renderer
from taproot_gateway.webhooks.sending import Outcome, post
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.visibility import unscoped

POLL_SECONDS = 0.5
_ENDPOINTS, _AT_ONCE = 16, 4
_GROWTH, _LONGEST = 4, timedelta(hours=6)
_JITTER = (0.8, 1.2)
_REST_FROM, _REST_SECONDS, _LONGEST_REST = 5, 5, 300
_ROLE_WAIT = timedelta(seconds=2)
_FAILURES = (AppError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

# An owner who is gone has no mailbox either; the event `webhook.disabled` tells administrators.
_MAILS = {model.FAILING: WEBHOOK_FAILING, model.GONE: WEBHOOK_GONE}

_attempts = Counter("taproot_webhook_attempts_total", "Attempts to deliver an event", ["result"])


def retry_delay(base: float, attempts: int, at_least: int = 0) -> timedelta:
    """After so many attempts: 5 s, 20 s, 80 s, ... up to 6 hours, each a little off, so that they do not come together."""
    plain = min(base * _GROWTH ** (attempts - 1), _LONGEST.total_seconds())
    return timedelta(seconds=max(plain * random.uniform(*_JITTER), at_least))  # noqa: S311  # jitter


class Runner:
    """Run in every process: endpoints are shared out by leases."""

    def __init__(
        self,
        database: Database,
        access: AccessStore,
        renderer: Renderer,
        vault: signing.Vault,
        settings: GatewaySettings,
        call: Callable[[], Call],
    ) -> None:
        self._database = database
        self._access = access
        self._renderer = renderer
        self._vault = vault
        self._settings = settings
        self._guard = Guard(settings.webhook_allowed_networks)
        self._call = call
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while True:
                await self._share()
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await end(self._tasks)

    async def _share(self) -> None:
        room = _ENDPOINTS - len(self._tasks)
        if room <= 0:
            return
        try:
            with calling(self._call()):
                async with self._database.unit() as work:
                    claimed = await deliveries.claim(room, work)
        except _FAILURES as error:
            telemetry.logger.warning("webhooks_paused", error=type(error).__name__)
            return
        for key in claimed:
            task = asyncio.create_task(self._send_all(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_all(self, key: uuid.UUID) -> None:
        """All that is due of one endpoint. Whatever happens, the lease ends by itself."""
        try:
            with calling(self._call()):
                while await self._send_some(key):
                    async with self._database.unit() as work:
                        await deliveries.extend(key, work)
                async with self._database.unit() as work:
                    await deliveries.release(key, work)
        except _FAILURES as error:
            telemetry.logger.warning("webhook_interrupted", webhook=str(key), error=type(error).__name__)
        except Exception:  # noqa: BLE001 - a defect: logged once, the lease ends and it is tried again
            telemetry.logger.exception("webhook_failed", webhook=str(key))

    async def _send_some(self, key: uuid.UUID) -> bool:
        """False when nothing is due."""
        async with self._database.reading() as reader:
            endpoint, rows = await deliveries.due(key, _AT_ONCE, reader)
            owner = await rendering.owner_of(reader, endpoint["owner_id"]) if rows else None
        if not rows:
            return False
        if owner is None:
            await self._disable(key, model.OWNER_GONE)
            return False
        await self._access.ensure(owner)
        await asyncio.gather(*(self._send(endpoint, owner, row) for row in rows))
        return True

    async def _send(self, endpoint: Any, owner: Principal, row: Any) -> None:
        now = self._database.clock.now()
        try:
            body = self._renderer.body(row, owner, endpoint["filter"], now)
        except Unavailable:  # the owner's role is on its way here
            async with self._database.unit() as work:
                await deliveries.note(row, work, state=model.PENDING, next_time=now + _ROLE_WAIT, tried=0)
            return
        if body is None:
            async with self._database.unit() as work:
                await deliveries.note(row, work, state=model.SKIPPED, tried=0)
            return
        outcome = await self._post(endpoint, row, body, now)
        _attempts.labels("delivered" if outcome.delivered else "failed").inc()
        async with self._database.unit() as work:
            disable = await self._record(endpoint, row, outcome, work)
        if disable:
            await self._disable(endpoint["id"], disable)

    async def _post(self, endpoint: Any, row: Any, body: bytes, now: datetime) -> Outcome:
        try:
            keys = [self._vault.open(endpoint["secret"])]
            until = endpoint["previous_secret_expire_time"]
            if endpoint["previous_secret"] is not None and until is not None and until > now:
                keys.append(self._vault.open(endpoint["previous_secret"]))
        except signing.SecretUnreadable:
            return Outcome(0, "the secret was sealed with another key: rotate it")
        headers = signing.headers(str(row["event_id"]), int(now.timestamp()), body, keys)
        parent = telemetry.remote_context(row["traceparent"])
        with telemetry.span("webhook POST", {telemetry.WRITE: True}, kind=SpanKind.CLIENT, parent=parent):
            headers["traceparent"] = telemetry.traceparent()
            return await post(self._guard, endpoint["url"], body, headers)

    async def _record(self, endpoint: Any, row: Any, outcome: Outcome, work: UnitOfWork) -> str:
        """Writes down how it went; why the endpoint is to be disabled, or nothing."""
        key, now = endpoint["id"], work.clock.now()
        if outcome.delivered:
            await deliveries.note(row, work, state=model.DELIVERED, status=outcome.status)
            await deliveries.succeeded(key, work)
            return ""
        attempts = row["attempts"] + 1
        given_up = outcome.gone or attempts >= self._settings.webhook_attempts
        delay = retry_delay(self._settings.webhook_retry_seconds, attempts, outcome.retry_after)
        await deliveries.note(
            row,
            work,
            state=model.DEAD if given_up else model.PENDING,
            status=outcome.status,
            error=outcome.error,
            next_time=None if given_up else now + delay,
        )
        failures, since = await deliveries.failed(key, work)
        if outcome.gone:
            return model.GONE
        if now - since >= timedelta(days=self._settings.webhook_disable_days):
            return model.FAILING
        if failures >= _REST_FROM:
            rest = min(_REST_SECONDS * 2 ** (failures - _REST_FROM), _LONGEST_REST)
            await deliveries.pause(key, now + timedelta(seconds=rest), work)
        return ""

    async def _disable(self, key: uuid.UUID, reason: str) -> None:
        async with self._database.unit() as work:
            webhook: Webhook | None = await work.scalar(
                select(Webhook)
                .where(
                    Webhook.id == key,
                    Webhook.delete_time.is_(None),
                    unscoped(Webhook, "an endpoint that fails for days is switched off, whoever owns it"),
                )
                .with_for_update()
            )
            if webhook is not None and webhook.state == model.ENABLED:
                webhook.disable(reason, work.clock.now())
                if reason in _MAILS:
                    about = webhook.display_name
                    await queue_mail(work, _MAILS[reason], user_id=webhook.owner_id, about=about)
                telemetry.logger.warning("webhook_disabled", webhook=str(key), reason=reason)
