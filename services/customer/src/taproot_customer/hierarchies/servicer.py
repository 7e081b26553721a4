"""gRPC of hierarchies."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import hierarchy_pb2 as pb
from taproot.customer.v1 import hierarchy_service_pb2 as rpc
from taproot_base.errors import NotFound
from taproot_chassis.servicer import Servicer
from taproot_customer.hierarchies import messages, queries
from taproot_storage.database import Reader


class HierarchiesServicer(Servicer):
    async def GetCustomerHierarchy(
        self, request: rpc.GetCustomerHierarchyRequest, _context: Any
    ) -> pb.CustomerHierarchy:
        key = uuid.UUID(request.id)

        async def query(reader: Reader) -> pb.CustomerHierarchy:
            below = await queries.read_below(reader, key)
            if not below:
                raise NotFound("customer", key)
            person = below[0]["kind"] == "person"
            today = reader.clock.now().date()
            home = await queries.read_household(reader, key, today) if person else []
            above = await queries.read_ancestors(reader, key)
            own = await queries.read_counts(reader, [row["id"] for row in (*above, *below, *home)])
            return messages.to_hierarchy(above, below, home, own)

        return await self.read(query)
