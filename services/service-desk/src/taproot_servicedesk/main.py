"""Composition root of the service desk."""

from __future__ import annotations

import functools
from pathlib import Path

from taproot_chassis.service import Definition, Parts, Runtime
from taproot_records.privacy import servicer as privacy
from taproot_servicedesk.calendars import messages as calendars
from taproot_servicedesk.calendars.model import Calendar
from taproot_servicedesk.calendars.servicer import CalendarsServicer
from taproot_servicedesk.calls import messages as calls
from taproot_servicedesk.calls.model import Call
from taproot_servicedesk.calls.servicer import CallsServicer
from taproot_servicedesk.dispatches import messages as dispatches
from taproot_servicedesk.dispatches.model import Dispatch
from taproot_servicedesk.dispatches.servicer import DispatchesServicer
from taproot_servicedesk.entitlements import messages as entitlements
from taproot_servicedesk.entitlements.model import Entitlement
from taproot_servicedesk.entitlements.servicer import EntitlementsServicer
from taproot_servicedesk.jobs import jobs
from taproot_servicedesk.privacy.holdings import HOLDINGS
from taproot_servicedesk.queues import messages as queues
from taproot_servicedesk.queues.model import Queue
from taproot_servicedesk.queues.servicer import QueuesServicer
from taproot_servicedesk.seeds import lay_seeds
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.sla import measuring as sla_measuring
from taproot_servicedesk.sla import messages as sla
from taproot_servicedesk.sla.model import SlaClock, SlaPolicy
from taproot_servicedesk.sla.servicer import SlaClocksServicer, SlaPoliciesServicer
from taproot_servicedesk.stations import messages as stations
from taproot_servicedesk.stations.model import Station
from taproot_servicedesk.stations.servicer import StationsServicer
from taproot_servicedesk.subscribers import subscriptions
from taproot_servicedesk.surveys import messages as surveys
from taproot_servicedesk.surveys.model import Survey, SurveyResponse
from taproot_servicedesk.surveys.servicer import SurveyResponsesServicer, SurveysServicer
from taproot_servicedesk.tickets import messages as tickets
from taproot_servicedesk.tickets.model import Ticket
from taproot_servicedesk.tickets.servicer import TicketEntriesServicer, TicketsServicer
from taproot_storage.eventlog import Encoder

ENCODERS: dict[type, Encoder] = {
    Calendar: calendars.to_event,
    Call: calls.to_event,
    Dispatch: dispatches.to_event,
    Entitlement: entitlements.to_event,
    Queue: queues.to_event,
    SlaClock: sla.clock_to_event,
    SlaPolicy: sla.to_event,
    Station: stations.to_event,
    Survey: surveys.to_event,
    SurveyResponse: surveys.response_to_event,
    Ticket: tickets.to_event,
}
SERVICERS = (
    CalendarsServicer,
    CallsServicer,
    DispatchesServicer,
    EntitlementsServicer,
    QueuesServicer,
    SlaClocksServicer,
    SlaPoliciesServicer,
    StationsServicer,
    SurveyResponsesServicer,
    SurveysServicer,
    TicketEntriesServicer,
    TicketsServicer,
)


def build(runtime: Runtime[ServiceDeskSettings]) -> Parts:
    package = "taproot.servicedesk.v1"
    listened = subscriptions(runtime.settings)
    return Parts(
        servicers={
            **{
                f"{package}.{kind.__name__.removesuffix('Servicer')}Service": kind(runtime)
                for kind in SERVICERS
            },
            privacy.SERVICE: privacy.PersonalDataServicer(runtime, HOLDINGS, listened),
        },
        subscriptions=listened,
        jobs=jobs(runtime.settings),
        measurements=[sla_measuring.measure],
        startup=[functools.partial(lay_seeds, runtime.database, runtime.system_call())],
    )


DEFINITION = Definition("servicedesk", ServiceDeskSettings, ENCODERS, build, Path(__file__).parent)
