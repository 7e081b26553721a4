from __future__ import annotations

from typing import Any

import pytest

from taproot.sales.events.v1.product_event_pb2 import ProductEvent
from taproot.sales.v1 import product_pb2 as pb
from taproot.sales.v1 import product_service_pb2 as rpc
from taproot.sales.v1.product_service_pb2_grpc import ProductsServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind
from taproot_testkit import Caller, Harness


@pytest.fixture
def products(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(ProductsServiceStub, admin)


async def make(products: Caller, code: str, **values: Any) -> pb.Product:
    message = pb.Product(**({"code": code, "name_zh": "路由器", "name_en": "Router"} | values))
    made: pb.Product = await products.CreateProduct(rpc.CreateProductRequest(product=message))
    return made


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestCreate:
    async def test_defaults(self, sales: Harness, products: Caller) -> None:
        product = await make(products, "R-1", tax_rate="0.13")
        assert (product.display_name, product.unit, product.tax_rate) == ("路由器", "piece", "0.13")
        assert product.kind == pb.PRODUCT_KIND_GOODS
        event = (await sales.events(1, of="product.created"))[-1].decode(ProductEvent)
        assert event.product.code == "R-1"

    async def test_a_code_is_taken_whatever_its_case(self, products: Caller) -> None:
        await make(products, "Case-1")
        error = await refused(make(products, "CASE-1"))
        assert (error.kind, error.reason) == (Kind.EXISTS, "PRODUCT_CODE_EXISTS")

    async def test_every_violation_at_once(self, products: Caller) -> None:
        price = Money(currency_code="CNY", amount="-1")
        error = await refused(make(products, "", name_zh="", name_en="", list_price=price))
        assert {v.field for v in error.violations} == {
            "product.code", "product.display_name", "product.list_price",
        }  # fmt: skip

    async def test_a_bundle_holds_no_bundle(self, products: Caller) -> None:
        part = await make(products, "B-part")
        parts = [pb.BundleComponent(product_id=part.id, quantity="2")]
        bundle = await make(products, "B-set", components=parts)
        assert bundle.components[0].quantity == "2"
        nested = [pb.BundleComponent(product_id=bundle.id)]
        error = await refused(make(products, "B-nest", components=nested))
        assert [v.field for v in error.violations] == ["product.components[0].product_id"]


class TestBatchCreate:
    async def test_all_or_nothing_and_partial(self, products: Caller) -> None:
        parts = [
            rpc.CreateProductRequest(product=pb.Product(code=code, display_name=name))
            for code, name in (("P-1", "One"), ("p-1", "Again"), ("P-2", ""), ("P-3", "Three"))
        ]
        error = await refused(products.BatchCreateProducts(rpc.BatchCreateProductsRequest(requests=parts)))
        assert error.reason == "PRODUCT_CODE_EXISTS"
        answer = await products.BatchCreateProducts(
            rpc.BatchCreateProductsRequest(requests=parts, partial=True)
        )
        assert [r.WhichOneof("result") for r in answer.results] == ["product", "error", "error", "product"]


class TestChange:
    async def test_update_list_delete_undelete(self, products: Caller) -> None:
        product = await make(products, "L-1", category="network/router")
        change = pb.Product(id=product.id, entitlement_months=12, etag=product.etag)
        product = await products.UpdateProduct(rpc.UpdateProductRequest(product=change))
        assert product.entitlement_months == 12
        page = await products.ListProducts(rpc.ListProductsRequest(filter='category = "network/*"'))
        assert [p.code for p in page.products] == ["L-1"]
        found = await products.ListProducts(rpc.ListProductsRequest(filter='search:"路由" AND code = "L-1"'))
        assert [p.id for p in found.products] == [product.id]
        deleting = rpc.DeleteProductRequest(id=product.id, request_id="delete-l-1")
        first, again = await products.DeleteProduct(deleting), await products.DeleteProduct(deleting)
        assert first == again
        assert (
            await refused(products.GetProduct(rpc.GetProductRequest(id=product.id)))
        ).kind is Kind.NOT_FOUND
        assert (await refused(make(products, "l-1"))).kind is Kind.EXISTS
        await products.UndeleteProduct(rpc.UndeleteProductRequest(id=product.id))
        counted = await products.AggregateProducts(
            rpc.AggregateProductsRequest(filter='code = "L-*"', group_by=["kind"])
        )
        assert [(list(r.keys), list(r.values)) for r in counted.rows] == [(["goods"], ["1"])]
