"""Asks the customer service what the projection cannot tell."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1.customer_service_pb2 import GetCustomerRequest
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_chassis.service import Runtime
from taproot_servicedesk.customer_refs.queries import ADMISSION
from taproot_servicedesk.settings import ServiceDeskSettings


class CustomerDoor:
    """Call it before any transaction."""

    def __init__(self, runtime: Runtime[ServiceDeskSettings]) -> None:
        self._runtime = runtime
        self._reachable = "customer=" in runtime.settings.backends

    async def admit(self, *ids: str) -> None:
        """May the caller refer to customers that belong to others: are they shared with the caller?"""
        if self._reachable:
            await ADMISSION.prepare(ids, self._runtime.database, self._ask)

    async def _ask(self, customer_id: uuid.UUID) -> None:
        stub: Any = CustomersServiceStub(self._runtime.peers.channel("customer"))
        await self._runtime.peers.call(stub.GetCustomer, GetCustomerRequest(id=str(customer_id)))
