"""Making journeys and following their runs."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.marketing.v1 import delivery_service_pb2 as deliveries
from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import journey_run_service_pb2 as runs_rpc
from taproot.marketing.v1 import journey_service_pb2 as rpc
from taproot.marketing.v1 import template_pb2, template_service_pb2
from taproot.marketing.v1.delivery_service_pb2_grpc import DeliveriesServiceStub
from taproot.marketing.v1.journey_run_service_pb2_grpc import JourneyRunsServiceStub
from taproot.marketing.v1.template_service_pb2_grpc import TemplatesServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import Order
from taproot_marketing.journeys import engine
from taproot_testkit import Harness


async def hello_template(service: Harness, admin: Any) -> str:
    stub = service.stub(TemplatesServiceStub, admin)
    content = template_pb2.TemplateContent(language_code="en", subject="Hello", text="Hi")
    made = template_pb2.Template(display_name="Hello", message_class=1, contents=[content])
    return str((await stub.CreateTemplate(template_service_pb2.CreateTemplateRequest(template=made))).id)


async def counts_of(desk: Any, journey: pb.Journey) -> rpc.JourneyStatistics:
    return await desk.GetJourneyStatistics(rpc.GetJourneyStatisticsRequest(id=journey.id))


def send(key: str, template: str, **more: Any) -> pb.JourneyStep:
    return pb.JourneyStep(key=key, send=pb.SendStep(template_id=template), **more)


def wait(key: str, **how: Any) -> pb.JourneyStep:
    return pb.JourneyStep(key=key, wait=pb.WaitStep(**how))


async def active(desk: Any, *steps: pb.JourneyStep, **trigger: Any) -> pb.Journey:
    journey = pb.Journey(
        display_name="J", steps=steps, trigger=pb.JourneyTrigger(**trigger) if trigger else None
    )
    made = await desk.CreateJourney(rpc.CreateJourneyRequest(journey=journey))
    return await desk.ActivateJourney(rpc.ActivateJourneyRequest(id=made.id, etag=made.etag))


async def run_steps(service: Harness) -> None:
    with service.system_call():
        while await engine.Engine().run_due(service.runtime.database):
            pass


async def enrol(desk: Any, journey: pb.Journey, customer: str, **more: Any) -> pb.JourneyRun:
    return await desk.EnrolJourney(rpc.EnrolJourneyRequest(id=journey.id, customer_id=customer, **more))


async def run_of(service: Harness, admin: Any, key: str) -> pb.JourneyRun:
    stub = service.stub(JourneyRunsServiceStub, admin)
    return await stub.GetJourneyRun(runs_rpc.GetJourneyRunRequest(id=key))


async def mails(service: Harness, admin: Any, text: str) -> list[Any]:
    stub = service.stub(DeliveriesServiceStub, admin)
    return list((await stub.ListDeliveries(deliveries.ListDeliveriesRequest(filter=text))).deliveries)


def confirmed(service: Harness, customer: str, number: str = "O-1", amount: str = "100") -> Any:
    order = Order(id=str(uuid.uuid4()), number=number, customer_id=customer)
    order.totals.total.currency_code, order.totals.total.amount = "CNY", amount
    return service.event(
        "order.confirmed", OrderEvent(order=order), order.id, source="sales", party_id=customer
    )
