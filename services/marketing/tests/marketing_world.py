"""Customers, consents and entitlements as the other services would announce them."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from google.type.date_pb2 import Date

from taproot.customer.events.v1.consent_event_pb2 import ConsentEvent
from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent, CustomerMerge
from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot.customer.v1 import consent_pb2, customer_pb2, segment_pb2
from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot.sales.v1.payment_pb2 import Payment
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1 import entitlement_pb2
from taproot.type.v1.money_pb2 import Money
from taproot_base import wire
from taproot_base.errors import AppError
from taproot_testkit import Harness, branch_id

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""A Monday, 09:00 in Shanghai."""


async def failure(call: Awaitable[Any]) -> AppError:
    try:
        await call
    except AppError as error:
        return error
    raise AssertionError("the call was allowed")


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 10.0) -> Any:
    """The first true answer of `look`."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to pass")
        await asyncio.sleep(0.05)


class World:
    """Announces things to one running marketing service."""

    def __init__(self, service: Harness) -> None:
        self.service = service

    async def customer(
        self,
        name: str = "王伟",
        email: str | None = "",
        *,
        consent: bool | None = True,
        branch: str = "/hq/e/sh/",
        owner: str = "",
        **values: Any,
    ) -> str:
        """A customer, by default with an address of its own and consent to marketing mail."""
        key = str(uuid.uuid4())
        await self.change_customer(key, 1, name, email, branch=branch, owner=owner, **values)
        if consent is not None:
            await self.consent(key, granted=consent)
        return key

    async def change_customer(
        self,
        key: str,
        version: int,
        name: str = "王伟",
        email: str | None = "",
        *,
        branch: str = "/hq/e/sh/",
        owner: str = "",
        event: str = "customer.updated",
        **values: Any,
    ) -> None:
        address = f"{key}@example.com" if email == "" else email
        identifiers = (
            [customer_pb2.Identifier(kind=customer_pb2.IDENTIFIER_KIND_EMAIL, value=address)]
            if address
            else []
        )
        record = customer_pb2.Customer(
            id=key,
            kind=customer_pb2.CUSTOMER_KIND_PERSON,
            display_name=name,
            identifiers=identifiers,
            branch_id=branch_id(branch),
            owner_id=owner,
            language_code=values.pop("language_code", "en"),
            time_zone="Asia/Shanghai",
            **values,
        )
        message = CustomerEvent(customer=record)
        await self._deliver(event, message, key, "customer", key, version)

    async def merge(
        self, root: str, source: str, version: int = 2, *, merge_id: str, undo: bool = False
    ) -> None:
        """One customer is merged into another, or set free again."""
        address = customer_pb2.Identifier(
            kind=customer_pb2.IDENTIFIER_KIND_EMAIL, value=f"{root}@example.com"
        )
        customer = customer_pb2.Customer(
            id=root, display_name="Root", merged_ids=[] if undo else [source], identifiers=[address]
        )
        message = CustomerEvent(
            customer=customer, merge=CustomerMerge(merge_id=merge_id, source_ids=[source])
        )
        name = "customer.unmerged" if undo else "customer.merged"
        await self._deliver(name, message, root, "customer", root, version)

    async def consent(self, customer: str, *, granted: bool = True, purpose: str = "marketing") -> None:
        decision = "GRANTED" if granted else "WITHDRAWN"
        consent = consent_pb2.Consent(
            id=str(uuid.uuid4()),
            customer_id=customer,
            purpose=purpose,
            channel=consent_pb2.CONSENT_CHANNEL_EMAIL,
            decision=consent_pb2.ConsentDecision.Value(f"CONSENT_DECISION_{decision}"),
            effective_time=wire.to_timestamp(self.now),
        )
        await self._deliver(
            f"consent.{decision.lower()}", ConsentEvent(consent=consent), consent.id, "customer", customer
        )

    async def member(self, segment: str, customer: str, *, entered: bool = True) -> None:
        member = segment_pb2.SegmentMember(segment_id=segment, customer_id=customer)
        name = "entered" if entered else "left"
        event = SegmentMemberEvent(segment_member=member)
        await self._deliver(f"segment_member.{name}", event, uuid.uuid4(), "customer", customer)

    async def entitlement(
        self, customer: str, end: date, *, kind: str = "LICENSE", key: str = "", version: int = 1
    ) -> str:
        found = entitlement_pb2.Entitlement(
            id=key or str(uuid.uuid4()),
            display_name="Survey Pro",
            kind=entitlement_pb2.EntitlementKind.Value(f"ENTITLEMENT_KIND_{kind}"),
            state=entitlement_pb2.ENTITLEMENT_STATE_ACTIVE,
            customer_id=customer,
            end_date=Date(year=end.year, month=end.month, day=end.day),
        )
        message = EntitlementEvent(entitlement=found)
        await self._deliver("entitlement.created", message, found.id, "servicedesk", customer, version)
        return found.id

    def payment(self, customer: str, amount: str, name: str = "received", key: str = "") -> Any:
        payment = Payment(
            id=key or str(uuid.uuid4()),
            number="P-1",
            customer_id=customer,
            amount=Money(currency_code="CNY", amount=amount),
        )
        return self.service.event(
            f"payment.{name}", PaymentEvent(payment=payment), payment.id, source="sales", party_id=customer
        )

    async def _deliver(
        self, event: str, message: Any, key: Any, source: str, party: str, version: int = 1
    ) -> None:
        made = self.service.event(event, message, key, version=version, source=source, party_id=party)
        await self.service.deliver(made)

    @property
    def now(self) -> datetime:
        return self.service.runtime.clock.now()

    def pass_time(self, by: timedelta) -> None:
        self.service.runtime.clock.advance(by)  # type: ignore[attr-defined]  # tests run on a FakeClock
