"""ProductsService."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from taproot.sales.v1 import product_pb2 as pb
from taproot.sales.v1 import product_service_pb2 as rpc
from taproot_base.errors import AppError
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.catalog import handlers, queries
from taproot_sales.catalog.messages import SPECIAL, to_message
from taproot_sales.catalog.model import Product
from taproot_sales.statuses import refused_before, to_status
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

Handle = Callable[[Any, UnitOfWork], Awaitable[Product]]


async def _get(reader: Reader, product_id: str) -> pb.Product:
    return to_message(await queries.get(reader, product_id))


def _create_command(message: pb.Product) -> handlers.CreateProduct:
    values = fields.values_of(message, fields.present(message), SPECIAL)
    return handlers.CreateProduct(fields.key_of(message), fields.without_nulls(values))


def _readable(message: pb.Product) -> handlers.CreateProduct | AppError:
    try:
        return _create_command(message)
    except AppError as error:
        return error


class ProductsServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetProduct(self, request: rpc.GetProductRequest, _context: Any) -> pb.Product:
        return await self.read(lambda reader: _get(reader, request.id))

    async def ListProducts(self, request: rpc.ListProductsRequest, _context: Any) -> rpc.ListProductsResponse:
        async def query(reader: Reader) -> rpc.ListProductsResponse:
            page = await queries.page(reader, self._lists, request)
            products = [to_message(Stored(row)) for row in page.rows]
            return rpc.ListProductsResponse(products=products, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateProducts(
        self, request: rpc.AggregateProductsRequest, _context: Any
    ) -> rpc.AggregateProductsResponse:
        async def query(reader: Reader) -> rpc.AggregateProductsResponse:
            return rpc.AggregateProductsResponse(rows=await queries.aggregate(reader, request))

        return await self.read(query)

    async def CreateProduct(self, request: rpc.CreateProductRequest, _context: Any) -> pb.Product:
        return await self._act(request, handlers.create_product, _create_command(request.product))

    async def BatchCreateProducts(
        self, request: rpc.BatchCreateProductsRequest, _context: Any
    ) -> rpc.BatchCreateProductsResponse:
        asked = [_readable(part.product) for part in request.requests]

        async def act(work: UnitOfWork) -> rpc.BatchCreateProductsResponse:
            outcomes = await handlers.create_products(asked, work, partial=request.partial)
            return rpc.BatchCreateProductsResponse(results=map(_result, outcomes))

        return await self.once(request, act, _get_batch, result_id=_batch_ids)

    async def UpdateProduct(self, request: rpc.UpdateProductRequest, _context: Any) -> pb.Product:
        product = request.product
        names = fields.changing(product, request.update_mask, {})
        values = fields.values_of(product, names, SPECIAL)
        command = handlers.UpdateProduct(UUID(product.id), product.etag, values)
        return await self._act(request, handlers.update_product, command)

    async def DeleteProduct(self, request: rpc.DeleteProductRequest, _context: Any) -> pb.Product:
        command = handlers.ProductVerb(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_product, command)

    async def UndeleteProduct(self, request: rpc.UndeleteProductRequest, _context: Any) -> pb.Product:
        command = handlers.ProductVerb(UUID(request.id), request.etag)
        return await self._act(request, handlers.undelete_product, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.Product:
        async def act(work: UnitOfWork) -> pb.Product:
            return to_message(await handle(command, work))

        return await self.once(request, act, _get_again)


async def _get_again(reader: Reader, product_id: str) -> pb.Product:
    return to_message(await queries.get(reader, product_id, deleted=True))


def _result(outcome: handlers.Outcome) -> rpc.BatchCreateProductsResult:
    if outcome.error is not None:
        return rpc.BatchCreateProductsResult(error=to_status(outcome.error))
    return rpc.BatchCreateProductsResult(product=to_message(outcome.product))


def _batch_ids(response: rpc.BatchCreateProductsResponse) -> str:
    return ",".join(result.product.id for result in response.results)


async def _get_batch(reader: Reader, ids: str) -> rpc.BatchCreateProductsResponse:
    """A repeat: what was created is read again; what was refused then is not tried again."""
    keys = ids.split(",")
    known = await queries.products_by_id(reader, (UUID(key) for key in keys if key))
    return rpc.BatchCreateProductsResponse(
        results=[
            rpc.BatchCreateProductsResult(product=to_message(known[UUID(key)]))
            if key and UUID(key) in known
            else rpc.BatchCreateProductsResult(error=refused_before())
            for key in keys
        ]
    )
