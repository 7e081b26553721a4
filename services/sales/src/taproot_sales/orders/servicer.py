"""gRPC of orders: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import order_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import flush_unique
from taproot_records.reading import Shelf
from taproot_records.serving import ResourceServicer
from taproot_sales.orders import deliveries, handlers, messages, queries
from taproot_sales.orders.handlers import CreateOrder as Command
from taproot_sales.orders.model import Fulfilment, Order
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_sales.settings import SalesSettings
from taproot_storage import reads
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import changed_fields


class OrderShelf(Shelf[pb.Order]):
    async def messages(self, reader: Reader, rows: Sequence[Any]) -> list[pb.Order]:
        lines = await queries.lines_of(reader, [row["id"] for row in rows])
        return [messages.to_message(row, lines[row["id"]]) for row in rows]


class OrdersServicer(ResourceServicer[pb.Order]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, OrderShelf(queries.RESOURCE, Order, pb.Order, rows=queries.ROWS))
        self._settings = runtime.settings
        self._customers = CustomerDoor(runtime)

    def answer(self, entity: Order) -> pb.Order:
        return messages.to_message(entity, entity.lines)

    async def GetOrder(self, request: rpc.GetOrderRequest, _context: Any) -> pb.Order:
        return await self.get(request.id)

    async def ListOrders(self, request: rpc.ListOrdersRequest, _context: Any) -> rpc.ListOrdersResponse:
        return await self.page(request, rpc.ListOrdersResponse, "orders")

    async def AggregateOrders(
        self, request: rpc.AggregateOrdersRequest, _context: Any
    ) -> rpc.AggregateOrdersResponse:
        return await self.aggregate(request, rpc.AggregateOrdersResponse)

    async def AggregateOrderLines(
        self, request: rpc.AggregateOrderLinesRequest, _context: Any
    ) -> rpc.AggregateOrderLinesResponse:
        async def query(reader: Reader) -> rpc.AggregateOrderLinesResponse:
            rows = await reads.aggregate(reader, queries.LINES, queries.lines_with_orders(), Order, request)
            return rpc.AggregateOrderLinesResponse(rows=rows)

        return await self.read(query)

    async def CreateOrder(self, request: rpc.CreateOrderRequest, _context: Any) -> pb.Order:
        command = self._parse(request, "order")
        await self._customers.ensure([request.order.customer_id])

        async def act(work: UnitOfWork) -> Order:
            order = await handlers.create_order(command, work)
            await flush_unique(work)
            return order

        return await self.change(request, act, _locks([command]))

    async def BatchCreateOrders(
        self, request: rpc.BatchCreateOrdersRequest, _context: Any
    ) -> rpc.BatchCreateOrdersResponse:
        commands = [self._parse(one, f"requests[{n}].order") for n, one in enumerate(request.requests)]
        await self._customers.ensure(one.order.customer_id for one in request.requests)

        async def act(work: UnitOfWork) -> rpc.BatchCreateOrdersResponse:
            orders = await handlers.create_orders(commands, work)
            await flush_unique(work)
            return rpc.BatchCreateOrdersResponse(orders=map(self.answer, orders))

        async def again(reader: Reader, keys: str) -> rpc.BatchCreateOrdersResponse:
            return rpc.BatchCreateOrdersResponse(
                orders=[await self.one(reader, key) for key in keys.split(",")]
            )

        return await self.once(request, act, again, locks=_locks(commands), result_id=_batch_id)

    async def UpdateOrder(self, request: rpc.UpdateOrderRequest, _context: Any) -> pb.Order:
        names = changed_fields(request.order, request.update_mask, messages.CHANGEABLE)
        command = messages.parse_change(request.order, names)
        return await self.change(request, lambda work: handlers.change_order(command, work))

    async def DeleteOrder(self, request: rpc.DeleteOrderRequest, _context: Any) -> pb.Order:
        return await self.change(
            request, lambda work: handlers.delete_order(_id(request), request.etag, work)
        )

    async def SubmitOrder(self, request: rpc.SubmitOrderRequest, _context: Any) -> pb.Order:
        return await self.change(
            request, lambda work: handlers.submit_order(_id(request), request.etag, work)
        )

    async def ConfirmOrder(self, request: rpc.ConfirmOrderRequest, _context: Any) -> pb.Order:
        override = request.override_credit

        async def act(work: UnitOfWork) -> Order:
            return await handlers.confirm_order(_id(request), request.etag, work, override_credit=override)

        return await self.change(request, act)

    async def FulfilOrder(self, request: rpc.FulfilOrderRequest, _context: Any) -> pb.Order:
        command = messages.parse_move(request)
        return await self.change(request, lambda work: deliveries.fulfil_order(command, work))

    async def ReturnOrder(self, request: rpc.ReturnOrderRequest, _context: Any) -> pb.Order:
        command = messages.parse_move(request)
        return await self.change(request, lambda work: deliveries.return_order(command, work))

    async def CancelOrder(self, request: rpc.CancelOrderRequest, _context: Any) -> pb.Order:
        async def act(work: UnitOfWork) -> Order:
            return await handlers.cancel_order(_id(request), request.etag, request.reason, work)

        return await self.change(request, act)

    async def ListFulfilments(
        self, request: rpc.ListFulfilmentsRequest, _context: Any
    ) -> rpc.ListFulfilmentsResponse:
        async def query(reader: Reader) -> rpc.ListFulfilmentsResponse:
            order = await self.shelf.row(reader, request.order_id)
            rows = queries.movements_of(order["id"])
            page = await self.lists.page(reader, queries.MOVEMENTS, rows, Fulfilment, request)
            return messages.fulfilments_message(page, order["currency_code"])

        return await self.read(query)

    def _parse(self, request: rpc.CreateOrderRequest, path: str) -> Command:
        settings = self._settings
        return messages.parse_new(request, settings.default_currency, settings.payment_terms_days, path)


def _id(request: Any) -> uuid.UUID:
    return uuid.UUID(request.id)


def _batch_id(response: rpc.BatchCreateOrdersResponse) -> str:
    return ",".join(order.id for order in response.orders)


def _locks(commands: Sequence[Command]) -> list[int]:
    """Parallel loads of one external id wait for each other."""
    return [lock_key("order", command.external_id) for command in commands if command.external_id]
