"""Every RPC of the service: nobody without the permission gets in."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import descriptor_pool
from marketing_world import failure

import taproot_marketing.main  # noqa: F401  # registers the contracts
from taproot_base.descriptors import method_rules
from taproot_base.errors import Kind
from taproot_testkit import Harness

PACKAGE = "taproot.marketing.v1"
SERVICES = (
    "campaign", "customer_score", "delivery", "form", "form_submission", "journey", "journey_run", "loyalty_account",
    "loyalty_program", "score_rule", "suppression", "template",
)  # fmt: skip


def methods() -> list[Any]:
    pool = descriptor_pool.Default()
    found = []
    for name in SERVICES:
        file = pool.FindFileByName(f"taproot/marketing/v1/{name}_service.proto")
        found += [method for service in file.services_by_name.values() for method in service.methods]
    return found


METHODS = methods()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any) -> Harness:
    return await start_service("marketing")


def caller(service: Harness, method: Any, principal: Any) -> Any:
    import importlib

    owner = method.containing_service
    stem = owner.file.name.removesuffix(".proto").replace("/", ".")
    stub = getattr(importlib.import_module(f"{stem}_pb2_grpc"), f"{owner.name}Stub")
    requests = importlib.import_module(f"{stem}_pb2")
    request = getattr(requests, method.input_type.name)()
    return getattr(service.stub(stub, principal), method.name)(request)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_nobody_without_the_permission(service: Harness, method: Any) -> None:
    rule = method_rules(method.containing_service.full_name)[
        f"/{method.containing_service.full_name}/{method.name}"
    ]
    if rule.permission == "public":
        assert method.name in {
            "GetPublicForm",
            "SubmitForm",
            "ConfirmFormSubmission",
            "GetUnsubscribe",
            "Unsubscribe",
        }
        return
    assert (await failure(caller(service, method, None))).kind is Kind.UNAUTHENTICATED
    stranger = await service.add_user({"something.else": "all"})
    assert (await failure(caller(service, method, stranger))).kind is Kind.DENIED


def test_there_are_methods_to_check() -> None:
    assert len(METHODS) > 60
