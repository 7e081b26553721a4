"""Orders told to the projection, and insights of the customers of one test."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from analysis_kit import DAY, Insights, line, order_of

from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot_testkit import Harness

_versions = itertools.count(1)


@pytest.fixture
def tell(service: Harness) -> Callable[..., Awaitable[Any]]:
    """Hands an order to the projection; the later told is the newer unless `version` says otherwise."""

    async def deliver(customer_id: str, order: Any, name: str = "confirmed", version: int = 0) -> Any:
        event = service.event(
            f"order.{name}", OrderEvent(order=order), order.id, version=version or next(_versions), source="sales",
            party_id=customer_id,
        )  # fmt: skip
        await service.deliver(event, "purchases")
        return event

    return deliver


@pytest.fixture
def buy(tell: Any) -> Callable[..., Awaitable[Any]]:
    async def order(customer_id: str, net: Any, *, days_ago: int = 0, products: tuple[str, ...] = ()) -> Any:
        share = Decimal(net) / max(len(products), 1)
        lines = [line(share, product) for product in products] or [line(net)]
        return await tell(customer_id, order_of(*lines, day=DAY - dt.timedelta(days=days_ago)))

    return order


@pytest.fixture
def tag() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def insights(service: Harness, admin: Any, tag: str) -> Insights:
    return Insights(service, admin, tag)
