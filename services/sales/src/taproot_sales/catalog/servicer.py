"""gRPC of products: parse, hand over, answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot.sales.v1 import product_pb2 as pb
from taproot.sales.v1 import product_service_pb2 as rpc
from taproot_base.errors import AppError
from taproot_chassis.service import Runtime
from taproot_records.keeping import delete_record, undelete_record
from taproot_records.serving import ResourceServicer
from taproot_records.statuses import refused_before, to_status
from taproot_records.writing import changes, given
from taproot_sales.catalog import handlers, queries
from taproot_sales.catalog.handlers import CreateProduct
from taproot_sales.catalog.messages import to_message
from taproot_sales.catalog.model import Product
from taproot_sales.catalog.queries import SHELF
from taproot_storage.database import Reader, UnitOfWork


def _create_command(message: pb.Product) -> CreateProduct:
    return CreateProduct(message.id, given(message, Product))


def _readable(message: pb.Product) -> CreateProduct | AppError:
    try:
        return _create_command(message)
    except AppError as error:
        return error


class ProductsServicer(ResourceServicer[pb.Product]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, SHELF)

    async def GetProduct(self, request: rpc.GetProductRequest, _context: Any) -> pb.Product:
        return await self.get(request.id)

    async def ListProducts(self, request: rpc.ListProductsRequest, _context: Any) -> rpc.ListProductsResponse:
        return await self.page(request, rpc.ListProductsResponse, "products")

    async def AggregateProducts(
        self, request: rpc.AggregateProductsRequest, _context: Any
    ) -> rpc.AggregateProductsResponse:
        return await self.aggregate(request, rpc.AggregateProductsResponse)

    async def CreateProduct(self, request: rpc.CreateProductRequest, _context: Any) -> pb.Product:
        command = _create_command(request.product)
        return await self.change(request, lambda work: handlers.create_product(command, work))

    async def BatchCreateProducts(
        self, request: rpc.BatchCreateProductsRequest, _context: Any
    ) -> rpc.BatchCreateProductsResponse:
        asked = [_readable(part.product) for part in request.requests]

        async def act(work: UnitOfWork) -> rpc.BatchCreateProductsResponse:
            outcomes = await handlers.create_products(asked, work, partial=request.partial)
            return rpc.BatchCreateProductsResponse(results=map(_result, outcomes))

        return await self.once(request, act, _get_batch, result_id=_batch_ids)

    async def UpdateProduct(self, request: rpc.UpdateProductRequest, _context: Any) -> pb.Product:
        message = request.product
        values = changes(message, request.update_mask, Product)
        return await self.change(
            request, lambda work: handlers.update_product(message.id, message.etag, values, work)
        )

    async def DeleteProduct(self, request: rpc.DeleteProductRequest, _context: Any) -> pb.Product:
        return await self.change(request, lambda work: delete_record(Product, request.id, request.etag, work))

    async def UndeleteProduct(self, request: rpc.UndeleteProductRequest, _context: Any) -> pb.Product:
        return await self.change(
            request, lambda work: undelete_record(Product, request.id, request.etag, work)
        )


def _result(outcome: handlers.Outcome) -> rpc.BatchCreateProductsResult:
    if outcome.error is not None:
        return rpc.BatchCreateProductsResult(error=to_status(outcome.error))
    assert outcome.product is not None
    return rpc.BatchCreateProductsResult(product=to_message(outcome.product))


def _batch_ids(response: rpc.BatchCreateProductsResponse) -> str:
    return ",".join(result.product.id for result in response.results)


async def _get_batch(reader: Reader, ids: str) -> rpc.BatchCreateProductsResponse:
    """A repeat: what was created is read again; what was refused then is not tried again."""
    keys = ids.split(",")
    known = await queries.products_by_id(reader, (UUID(key) for key in keys if key))
    return rpc.BatchCreateProductsResponse(
        results=[
            rpc.BatchCreateProductsResult(product=SHELF.message(known[UUID(key)]))
            if key and UUID(key) in known
            else rpc.BatchCreateProductsResult(error=refused_before())
            for key in keys
        ]
    )
