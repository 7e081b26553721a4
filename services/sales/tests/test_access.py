"""Every RPC of the service refuses those who may not call it."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory

from taproot_base.auth import Principal
from taproot_base.client import as_app_error
from taproot_base.descriptors import method_rules
from taproot_base.errors import AppError, Kind
from taproot_sales.main import SERVICERS
from taproot_testkit import Harness

RULES = {
    path: rule for name in SERVICERS for path, rule in method_rules(f"taproot.sales.v1.{name}Service").items()
}


async def call(sales: Harness, path: str, principal: Principal | None) -> Any:
    """An empty request: refused before it is looked at, or found invalid."""
    service, method = path[1:].split("/")
    described = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(method)
    answer = message_factory.GetMessageClass(described.output_type)
    invoke = sales._channel.unary_unary(path, lambda _: b"", answer.FromString)
    try:
        return await invoke(None, metadata=sales.metadata(principal), timeout=10)
    except grpc.aio.AioRpcError as error:
        raise as_app_error(error) from error


@pytest.mark.parametrize("path", sorted(RULES))
class TestAccess:
    async def test_nobody_without_a_token(self, sales: Harness, path: str) -> None:
        with pytest.raises(AppError) as refused:
            await call(sales, path, None)
        assert refused.value.kind is Kind.UNAUTHENTICATED

    async def test_no_user_without_the_permission(self, sales: Harness, path: str) -> None:
        user = await sales.add_user({"customers.read": "all"})
        with pytest.raises(AppError) as refused:
            await call(sales, path, user)
        assert refused.value.kind is Kind.DENIED

    async def test_no_portal_user_unless_the_contract_says_so(self, sales: Harness, path: str) -> None:
        if RULES[path].portal or RULES[path].permission in {"portal", "authenticated"}:
            pytest.skip("open to the portal by contract")
        portal = Principal(subject="portal", kind="portal", party_id="0199aaaa-0000-7000-8000-000000000001")
        with pytest.raises(AppError) as refused:
            await call(sales, path, portal)
        assert refused.value.kind is Kind.DENIED
