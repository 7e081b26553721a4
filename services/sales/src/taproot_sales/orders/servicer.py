"""gRPC of orders: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from taproot.sales.v1 import order_pb2 as pb
from taproot.sales.v1 import order_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales.base import flush_unique
from taproot_sales.orders import deliveries, handlers, messages, queries
from taproot_sales.orders.handlers import CreateOrder as Command
from taproot_sales.orders.model import Fulfilment, Order
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields

Act = Callable[[UnitOfWork], Awaitable[Order]]


class OrdersServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._settings = runtime.settings
        self._lists = Lists(runtime.page_key)
        self._customers = CustomerDoor(runtime)

    async def GetOrder(self, request: rpc.GetOrderRequest, _context: Any) -> pb.Order:
        return await self.read(lambda reader: _read(reader, request.id))

    async def ListOrders(self, request: rpc.ListOrdersRequest, _context: Any) -> rpc.ListOrdersResponse:
        async def query(reader: Reader) -> rpc.ListOrdersResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Order, request)
            orders = await _with_lines(reader, page.rows)
            return rpc.ListOrdersResponse(orders=orders, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateOrders(
        self, request: rpc.AggregateOrdersRequest, _context: Any
    ) -> rpc.AggregateOrdersResponse:
        async def query(reader: Reader) -> rpc.AggregateOrdersResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.listed(), Order, request)
            return rpc.AggregateOrdersResponse(rows=rows)

        return await self.read(query)

    async def AggregateOrderLines(
        self, request: rpc.AggregateOrderLinesRequest, _context: Any
    ) -> rpc.AggregateOrderLinesResponse:
        async def query(reader: Reader) -> rpc.AggregateOrderLinesResponse:
            rows = await aggregate(reader, queries.LINES, queries.lines_with_orders(), Order, request)
            return rpc.AggregateOrderLinesResponse(rows=rows)

        return await self.read(query)

    async def CreateOrder(self, request: rpc.CreateOrderRequest, _context: Any) -> pb.Order:
        command = self._parse(request, "order")
        await self._customers.ensure([request.order.customer_id])

        async def act(work: UnitOfWork) -> pb.Order:
            order = await handlers.create_order(command, work)
            await flush_unique(work, {})
            return messages.to_message(order, order.lines)

        return await self.once(request, act, _read, locks=_locks([command]))

    async def BatchCreateOrders(
        self, request: rpc.BatchCreateOrdersRequest, _context: Any
    ) -> rpc.BatchCreateOrdersResponse:
        commands = [self._parse(one, f"requests[{n}].order") for n, one in enumerate(request.requests)]
        await self._customers.ensure(one.order.customer_id for one in request.requests)

        async def act(work: UnitOfWork) -> rpc.BatchCreateOrdersResponse:
            orders = await handlers.create_orders(commands, work)
            await flush_unique(work, {})
            return rpc.BatchCreateOrdersResponse(orders=[messages.to_message(o, o.lines) for o in orders])

        return await self.once(request, act, _read_batch, locks=_locks(commands), result_id=_batch_id)

    async def UpdateOrder(self, request: rpc.UpdateOrderRequest, _context: Any) -> pb.Order:
        names = changed_fields(request.order, request.update_mask)
        command = messages.parse_change(request.order, names)
        return await self._act(request, lambda work: handlers.change_order(command, work))

    async def DeleteOrder(self, request: rpc.DeleteOrderRequest, _context: Any) -> pb.Order:
        return await self._act(request, lambda work: handlers.delete_order(_id(request), request.etag, work))

    async def SubmitOrder(self, request: rpc.SubmitOrderRequest, _context: Any) -> pb.Order:
        return await self._act(request, lambda work: handlers.submit_order(_id(request), request.etag, work))

    async def ConfirmOrder(self, request: rpc.ConfirmOrderRequest, _context: Any) -> pb.Order:
        override = request.override_credit

        async def act(work: UnitOfWork) -> Order:
            return await handlers.confirm_order(_id(request), request.etag, work, override_credit=override)

        return await self._act(request, act)

    async def FulfilOrder(self, request: rpc.FulfilOrderRequest, _context: Any) -> pb.Order:
        command = messages.parse_move(request)
        return await self._act(request, lambda work: deliveries.fulfil_order(command, work))

    async def ReturnOrder(self, request: rpc.ReturnOrderRequest, _context: Any) -> pb.Order:
        command = messages.parse_move(request)
        return await self._act(request, lambda work: deliveries.return_order(command, work))

    async def CancelOrder(self, request: rpc.CancelOrderRequest, _context: Any) -> pb.Order:
        async def act(work: UnitOfWork) -> Order:
            return await handlers.cancel_order(_id(request), request.etag, request.reason, work)

        return await self._act(request, act)

    async def ListFulfilments(
        self, request: rpc.ListFulfilmentsRequest, _context: Any
    ) -> rpc.ListFulfilmentsResponse:
        async def query(reader: Reader) -> rpc.ListFulfilmentsResponse:
            order = await queries.get_order(reader, uuid.UUID(request.order_id))
            rows = queries.movements_of(order["id"])
            page = await self._lists.page(reader, queries.MOVEMENTS, rows, Fulfilment, request)
            return messages.fulfilments_message(page, order["currency_code"])

        return await self.read(query)

    async def _act(self, request: Any, act: Act) -> pb.Order:
        async def answer(work: UnitOfWork) -> pb.Order:
            order = await act(work)
            return messages.to_message(order, order.lines)

        return await self.once(request, answer, _read)

    def _parse(self, request: rpc.CreateOrderRequest, path: str) -> Command:
        settings = self._settings
        return messages.parse_new(request, settings.default_currency, settings.payment_terms_days, path)


def _id(request: Any) -> uuid.UUID:
    return uuid.UUID(request.id)


async def _read(reader: Reader, key: str) -> pb.Order:
    row = await queries.get_order(reader, uuid.UUID(key))
    return (await _with_lines(reader, [row]))[0]


async def _with_lines(reader: Reader, rows: Sequence[Any]) -> list[pb.Order]:
    lines = await queries.lines_of(reader, [row["id"] for row in rows])
    return [messages.to_message(row, lines[row["id"]]) for row in rows]


def _batch_id(response: rpc.BatchCreateOrdersResponse) -> str:
    return " ".join(order.id for order in response.orders)


async def _read_batch(reader: Reader, keys: str) -> rpc.BatchCreateOrdersResponse:
    return rpc.BatchCreateOrdersResponse(orders=[await _read(reader, key) for key in keys.split()])


def _locks(commands: Sequence[Command]) -> list[int]:
    """Parallel loads of one external id wait for each other."""
    return [lock_key("order", command.external_id) for command in commands if command.external_id]
