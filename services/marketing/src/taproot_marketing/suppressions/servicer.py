"""gRPC of suppressions and unsubscribing: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.marketing.v1 import suppression_pb2 as pb
from taproot.marketing.v1 import suppression_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_marketing.deliveries.rules import address_key, masked_address
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.suppressions import handlers, messages, queries
from taproot_marketing.suppressions.model import Suppression
from taproot_marketing.suppressions.queries import SHELF
from taproot_marketing.tokens import Signer
from taproot_records.serving import ResourceServicer
from taproot_records.writing import given
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key


class SuppressionsServicer(ResourceServicer[pb.Suppression]):
    def __init__(self, runtime: Runtime[MarketingSettings], signer: Signer) -> None:
        super().__init__(runtime, SHELF)
        self._signer = signer

    async def GetSuppression(self, request: rpc.GetSuppressionRequest, _context: Any) -> pb.Suppression:
        return await self.get(request.id)

    async def ListSuppressions(
        self, request: rpc.ListSuppressionsRequest, _context: Any
    ) -> rpc.ListSuppressionsResponse:
        return await self.page(request, rpc.ListSuppressionsResponse, "suppressions")

    async def CreateSuppression(self, request: rpc.CreateSuppressionRequest, _context: Any) -> pb.Suppression:
        values = given(request.suppression, Suppression)

        async def act(work: UnitOfWork) -> pb.Suppression:
            return messages.to_message(await handlers.create_suppression(values, work))

        locks = [lock_key("suppression", address_key(values.get("address", "")))]
        return await self.once(request, act, SHELF.get, locks=locks)

    async def DeleteSuppression(self, request: rpc.DeleteSuppressionRequest, _context: Any) -> pb.Suppression:
        async def act(work: UnitOfWork) -> pb.Suppression:
            return messages.to_message(await handlers.delete_suppression(request.id, request.etag, work))

        async def again(_reader: Reader, key: str) -> pb.Suppression:
            return pb.Suppression(id=key)

        return await self.once(request, act, again)

    async def GetUnsubscribe(self, request: rpc.GetUnsubscribeRequest, _context: Any) -> rpc.UnsubscribePage:
        async def query(reader: Reader) -> rpc.UnsubscribePage:
            _delivery, row = await handlers.behind_link(request.token, self._signer, reader)
            known = await queries.find(reader, row["recipient"])
            return _page(row, unsubscribed=known is not None)

        return await self.read(query)

    async def Unsubscribe(self, request: rpc.UnsubscribeRequest, _context: Any) -> rpc.UnsubscribePage:
        how = "one click" if request.list_unsubscribe else "unsubscribe page"
        async with self.database.reading() as reader:
            _delivery, row = await handlers.behind_link(request.token, self._signer, reader)
        async with self.database.unit([lock_key("suppression", address_key(row["recipient"]))]) as work:
            await handlers.unsubscribe(request.token, how, self._signer, work)
        return _page(row, unsubscribed=True)


def _page(row: Any, *, unsubscribed: bool) -> rpc.UnsubscribePage:
    return rpc.UnsubscribePage(
        masked_address=masked_address(row["recipient"]),
        unsubscribed=unsubscribed,
        language_code=row["language_code"],
    )
