"""gRPC of the timeline."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import timeline_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.timeline import messages, queries
from taproot_storage.database import Reader
from taproot_storage.reads import Lists


class TimelineServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def ListTimelineEntries(
        self, request: rpc.ListTimelineEntriesRequest, _context: Any
    ) -> rpc.ListTimelineEntriesResponse:
        async def query(reader: Reader) -> rpc.ListTimelineEntriesResponse:
            page = await queries.read_timeline(reader, uuid.UUID(request.customer_id), request, self._lists)
            entries = [messages.to_message(row) for row in page.rows]
            return rpc.ListTimelineEntriesResponse(
                timeline_entries=entries, next_page_token=page.next_page_token
            )

        return await self.read(query)
