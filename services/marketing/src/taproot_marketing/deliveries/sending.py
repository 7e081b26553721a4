"""From the ledger to the mail server: claim and commit, send, write down what came of it.

The claim is committed before the conversation starts. Whatever dies in between leaves a claimed row, which
becomes `uncertain` and is reported, never repeated by itself.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import MessageError
from typing import Any

from opentelemetry.trace import SpanKind
from prometheus_client import Counter as Metric

from taproot_base import telemetry
from taproot_base.context import calling
from taproot_base.errors import AppError, EtagMismatch, ResourceExhausted, Unavailable
from taproot_base.ids import new_id
from taproot_chassis.service import Runtime
from taproot_marketing.customer_refs.queries import PLACEHOLDERS
from taproot_marketing.deliveries import queries
from taproot_marketing.deliveries.mail import Letter, build, message_id_of
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.deliveries.rules import (
    CONSENT_PATIENCE,
    CONSENT_PAUSE,
    NO_CONSENT,
    Answer,
    Fate,
    MessageClass,
    Standing,
    State,
    domain_of,
    never_asked,
    objection,
)
from taproot_marketing.deliveries.smtp import MailServer, transmit
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.suppressions.handlers import Cause, suppress, unsubscribe_url
from taproot_marketing.templates import queries as templates
from taproot_marketing.templates.model import contents_of
from taproot_marketing.templates.rules import Rendered, choose, render
from taproot_marketing.tokens import Signer
from taproot_records.writing import load_any
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.updates import merge_patch

UNWRITABLE = 554
"""As RFC 5321 would answer: this message, not the mailbox, is at fault."""
_WORK = "the sender serves messages of every branch"
_settled = Metric("taproot_mail_settled_total", "Messages by what came of them", ["state"])
for _state in State:
    _settled.labels(_state)  # at 0, so that the first of its kind is an increase


@dataclass(frozen=True)
class Claimed:
    """A message in hand: the ledger says so, the mail server does not know yet."""

    id: uuid.UUID
    claim_id: uuid.UUID
    customer_id: uuid.UUID | None
    recipient: str
    sender_name: str
    message_class: str
    rendered: Rendered
    message_id: str
    traceparent: str
    create_time: datetime
    unsubscribe_url: str


class Sender:
    """Sends what is due. Any number of processes may run it: rows are claimed with SKIP LOCKED."""

    def __init__(self, runtime: Runtime[MarketingSettings], signer: Signer) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._database: Database = runtime.database
        self._signer = signer

    async def run(self) -> None:
        """Until cancelled; conversations under way are brought to their end first."""
        if not self._settings.smtp_url:
            telemetry.logger.warning("no_mail_server", hint="set TAPROOT_SMTP_URL; messages wait")
            return
        while True:
            batch = asyncio.ensure_future(self.send_due())
            try:
                done = await asyncio.shield(batch)
            except asyncio.CancelledError:
                await batch
                raise
            except Exception:  # noqa: BLE001  # the sender must outlive any one batch
                telemetry.logger.exception("sending_failed")
                done = 0
            if not done:
                await asyncio.sleep(self._settings.mail_poll_seconds)

    async def send_due(self) -> int:
        """Claim and send one batch; returns how many messages were dealt with."""
        with calling(self._runtime.system_call()):
            claimed, others = await self._claim()
            results = await asyncio.gather(*map(self._send, claimed), return_exceptions=True)
        for failure in (result for result in results if isinstance(result, BaseException)):
            telemetry.logger.error("mail_unsettled", error=repr(failure))
        return len(claimed) + others

    # ------------------------------------------------------------ claim

    async def _claim(self) -> tuple[list[Claimed], int]:
        """One transaction: consent, suppression list and quota are read and the claims written in it."""
        async with self._database.unit() as work:
            now = work.clock.now()
            rows = await queries.due(work, now, self._settings.mail_parallel)
            allowed = [row for row in rows if await self._may_go(row, work)]
            granted = await self._within_quota(allowed, now, work)
            found = [await self._claim_one(row, now, work) for row in granted]
            claimed = [message for message in found if message is not None]
            return claimed, len(rows) - len(claimed)

    async def _may_go(self, row: Any, work: UnitOfWork) -> bool:
        standing = Standing(
            address=_address(row),
            marketing_consent=row["marketing_consent"],
            service_consent=row["service_consent"],
            suppression=row["suppression"],
        )
        gone = row["customer_deleted"] and not row["address"]
        message_class, now = MessageClass(row["message_class"]), work.clock.now()
        reason = "customer_deleted" if gone else objection(message_class, standing)
        age = now - row["create_time"]
        fresh = row["source"] == "journey" and age < CONSENT_PATIENCE
        if reason == NO_CONSENT and fresh and never_asked(message_class, standing):
            pause = min(max(CONSENT_PAUSE, age), CONSENT_PATIENCE - age)  # twice as old each time
            await queries.put_off(work, row["id"], now + pause)
        elif reason:
            await self._suppress(row["id"], reason, work)
        return not reason

    async def _suppress(self, key: uuid.UUID, reason: str, work: UnitOfWork) -> None:
        delivery = await load_any(work, Delivery, key, _WORK)
        delivery.suppress(reason, work.clock.now())
        _settled.labels(State.SUPPRESSED).inc()

    async def _within_quota(self, rows: list[Any], now: datetime, work: UnitOfWork) -> list[Any]:
        minute = now.replace(second=0, microsecond=0)
        by_domain: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_domain[domain_of(_address(row))].append(row)
        granted = []
        for domain in sorted(
            by_domain
        ):  # always in one order: two processes never wait for each other in a ring
            waiting = by_domain[domain]
            limit = self._settings.mail_domain_per_minute
            count = await queries.take_quota(work, domain, minute, len(waiting), limit)
            granted += waiting[:count]
            for row in waiting[count:]:
                await queries.put_off(work, row["id"], minute + timedelta(minutes=1))
        return granted

    async def _claim_one(self, row: Any, now: datetime, work: UnitOfWork) -> Claimed | None:
        template: Any = await templates.for_sending(work, row["template_id"])
        if template is None:
            await self._suppress(row["id"], "template_gone", work)
            return None
        try:
            rendered = self._render(row, template)
        except AppError as error:
            await self._suppress(row["id"], f"{error.reason.lower()}: {error.message}"[:500], work)
            return None
        claimed = self._claimed(row, template, rendered)
        await queries.claim(
            work,
            claimed.id,
            display_name=rendered.subject,
            recipient=claimed.recipient,
            recipient_domain=domain_of(claimed.recipient),
            language_code=rendered.language_code,
            message_id=claimed.message_id,
            claim_id=claimed.claim_id,
            claim_time=now,
        )
        return claimed

    def _render(self, row: Any, template: Any) -> Rendered:
        language = row["language_code"] or row["customer_language_code"] or ""
        content = choose(contents_of(template["contents"]), language)
        customer = {name: row[f"customer_{name}"] for name in PLACEHOLDERS if row.get(f"customer_{name}")}
        data = merge_patch({"customer": customer, "public_url": self._settings.public_url}, row["context"])
        return render(content, data)

    def _claimed(self, row: Any, template: Any, rendered: Rendered) -> Claimed:
        address = _address(row)
        transactional = row["message_class"] == MessageClass.TRANSACTIONAL
        link = (
            ""
            if transactional
            else unsubscribe_url(
                self._signer, self._settings.public_url, row["id"], self._runtime.clock.now()
            )
        )
        return Claimed(
            id=row["id"],
            claim_id=new_id(),
            customer_id=row["customer_id"],
            recipient=address,
            sender_name=template["from_name"] or self._settings.mail_sender_name,
            message_class=row["message_class"],
            rendered=rendered,
            message_id=message_id_of(row["id"], self._settings.mail_sender),
            traceparent=row["traceparent"],
            create_time=row["create_time"],
            unsubscribe_url=link,
        )

    # ------------------------------------------------------------ send

    async def _send(self, message: Claimed) -> None:
        age = self._runtime.clock.now() - message.create_time
        attributes = {"messaging.system": "smtp", "taproot.delivery.id": str(message.id)}
        if message.customer_id:
            attributes[telemetry.party_attribute] = str(message.customer_id)
        with telemetry.follow("send mail", message.traceparent, age, attributes, SpanKind.PRODUCER) as span:
            answer = await self._converse(message)
            span.set_attribute("taproot.mail.fate", answer.fate)
            await self._settle_surely(message, answer)

    async def _converse(self, message: Claimed) -> Answer:
        try:
            wire = self._wire(message)
        except (ValueError, TypeError, AttributeError, MessageError) as error:
            return Answer(Fate.REFUSED, UNWRITABLE, f"the mail cannot be written: {error}")
        server = MailServer.from_url(self._settings.smtp_url)
        return await transmit(server, self._settings.mail_sender, message.recipient, wire)

    async def _settle_surely(self, message: Claimed, answer: Answer) -> None:
        """The answer is known: a database that is away for a moment must not make it uncertain."""
        for pause in (0.2, 1.0, 5.0, 20.0):
            try:
                return await self.settle(message, answer)
            except (Unavailable, ResourceExhausted, EtagMismatch) as error:
                telemetry.logger.warning("settling_repeated", error=error.reason)
                await asyncio.sleep(pause)
        return await self.settle(message, answer)

    def _wire(self, message: Claimed) -> bytes:
        return build(
            Letter(
                delivery_id=message.id,
                message_id=message.message_id,
                sender=self._settings.mail_sender,
                sender_name=message.sender_name,
                recipient=message.recipient,
                rendered=message.rendered,
                written_at=self._runtime.clock.now(),
                traceparent=telemetry.traceparent(),
                unsubscribe_url=message.unsubscribe_url,
                bulk=message.message_class == MessageClass.MARKETING,
            )
        )

    async def settle(self, message: Claimed, answer: Answer) -> None:
        """Write down the answer, if the claim is still this one; a late answer settles an uncertain row too."""
        async with self._database.unit() as work:
            delivery = await load_any(work, Delivery, message.id, _WORK)
            if delivery.claim_id != message.claim_id or delivery.state not in (
                State.CLAIMED,
                State.UNCERTAIN,
            ):
                return
            outcome = delivery.settle(answer, work.clock.now())
            if outcome.state is State.BOUNCED and answer.fate is Fate.REFUSED and _no_such_address(answer):
                await suppress(
                    message.recipient,
                    "bounced",
                    work,
                    cause=Cause(delivery.id, delivery.customer_id),
                    proof=answer.text,
                )
        _settled.labels(outcome.state).inc()


def _address(row: Any) -> str:
    return row["address"] or row["customer_email"] or ""


def _no_such_address(answer: Answer) -> bool:
    """550, 551 and 553 speak of the mailbox (RFC 5321 section 4.2.3); 552 and 554 of this message."""
    return answer.code in (550, 551, 553)


async def report_lost(database: Database, claim_seconds: int) -> int:
    """Job: claims whose worker is gone become uncertain."""
    async with database.reading() as reader:
        before = reader.clock.now() - timedelta(seconds=claim_seconds)
        lost = await queries.lost_claims(reader, before)
    counted: Counter[str] = Counter()
    for key in lost:
        async with database.unit() as work:
            delivery = await load_any(work, Delivery, key, _WORK)
            delivery.lose(work.clock.now())
            counted[delivery.state] += 1
    if counted:
        telemetry.logger.error("deliveries_uncertain", count=counted[State.UNCERTAIN])
        _settled.labels(State.UNCERTAIN).inc(counted[State.UNCERTAIN])
    async with database.unit() as work:
        await queries.forget_quotas(work, work.clock.now() - timedelta(hours=1))
    return 0
