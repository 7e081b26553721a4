"""Every RPC of the service desk refuses who may not call it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from taproot_base.descriptors import method_rules
from taproot_base.errors import AppError, Kind
from taproot_testkit import Harness

SERVICES = (
    "ticket.Tickets", "ticket_entry.TicketEntries", "sla_clock.SlaClocks", "sla_policy.SlaPolicies",
    "calendar.Calendars", "queue.Queues", "entitlement.Entitlements", "call.Calls", "station.Stations",
    "dispatch.Dispatches", "survey.Surveys", "survey_response.SurveyResponses",
)  # fmt: skip


def methods() -> list[Any]:
    found = []
    for name in SERVICES:
        module, service = name.split(".")
        stub = importlib.import_module(f"taproot.servicedesk.v1.{module}_service_pb2_grpc")
        for path, rule in method_rules(f"taproot.servicedesk.v1.{service}Service").items():
            method = path.rpartition("/")[2]
            found.append(pytest.param(getattr(stub, f"{service}ServiceStub"), method, rule, id=method))
    return found


def request_of(stub: Any, method: str) -> Any:
    """An empty request: access is decided before it is looked at."""
    from google.protobuf import descriptor_pool, message_factory

    service = stub.__name__.removesuffix("Stub")
    descriptor: Any = descriptor_pool.Default().FindServiceByName(f"taproot.servicedesk.v1.{service}")
    return message_factory.GetMessageClass(descriptor.methods_by_name[method].input_type)()


@pytest.mark.parametrize(("stub", "method", "rule"), methods())
async def test_refuses_who_may_not_call(desk: Harness, stub: Any, method: str, rule: Any) -> None:
    request = request_of(stub, method)
    if rule.permission == "public":
        with pytest.raises(AppError) as error:
            await getattr(desk.stub(stub, None), method)(request)
        assert error.value.kind in (Kind.INVALID, Kind.NOT_FOUND)
        return
    with pytest.raises(AppError) as error:
        await getattr(desk.stub(stub, None), method)(request)
    assert error.value.kind is Kind.UNAUTHENTICATED
    stranger = await desk.add_user({"nothing.read": "all"})
    with pytest.raises(AppError) as error:
        await getattr(desk.stub(stub, stranger), method)(request)
    assert error.value.kind is Kind.DENIED
