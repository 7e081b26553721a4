"""Composition root of the customer service."""

from __future__ import annotations

from pathlib import Path

from taproot_chassis.jobs import Job
from taproot_chassis.service import Definition, Parts, Runtime
from taproot_customer.activities import messages as activities
from taproot_customer.activities.model import Activity
from taproot_customer.activities.servicer import ActivitiesServicer
from taproot_customer.consents import messages as consents
from taproot_customer.consents.model import Consent
from taproot_customer.consents.servicer import ConsentsServicer
from taproot_customer.contacts import messages as contacts
from taproot_customer.contacts.model import Contact
from taproot_customer.contacts.servicer import ContactsServicer
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.customers.servicer import CustomersServicer
from taproot_customer.imports import handlers as import_handlers
from taproot_customer.imports import messages as imports
from taproot_customer.imports.model import Import
from taproot_customer.imports.pool import ParserPool
from taproot_customer.imports.running import ImportRunner
from taproot_customer.imports.servicer import ImportsServicer
from taproot_customer.merging.servicer import DuplicatesServicer
from taproot_customer.profiles.servicer import ProfilesServicer
from taproot_customer.relationships import messages as relationships
from taproot_customer.relationships.model import Relationship
from taproot_customer.relationships.servicer import RelationshipsServicer
from taproot_customer.review import handlers as review_handlers
from taproot_customer.review.searching import DuplicateSearcher
from taproot_customer.review.servicer import DuplicatePairsServicer
from taproot_customer.segments import handlers as segment_handlers
from taproot_customer.segments import messages as segments
from taproot_customer.segments.model import Segment
from taproot_customer.segments.servicer import SegmentsServicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.subscribers import SUBSCRIPTIONS
from taproot_customer.tasks import handlers as task_handlers
from taproot_customer.tasks import messages as tasks
from taproot_customer.tasks.model import Task
from taproot_customer.tasks.servicer import TasksServicer
from taproot_customer.timeline.servicer import TimelineServicer
from taproot_storage.eventlog import Encoder

PACKAGE = "taproot.customer.v1"
ENCODERS: dict[type, Encoder] = {
    Customer: customers.to_event,
    Contact: contacts.to_event,
    Relationship: relationships.to_event,
    Activity: activities.to_event,
    Task: tasks.to_event,
    Consent: consents.to_event,
    Import: imports.to_event,
    Segment: segments.to_event,
}


def build(runtime: Runtime[CustomerSettings]) -> Parts:
    pool = ParserPool(runtime.settings.parser_processes)
    run_import = ImportRunner(runtime.database, runtime.blobs, pool, runtime.settings.default_region)
    return Parts(
        servicers={
            f"{PACKAGE}.CustomersService": CustomersServicer(runtime),
            f"{PACKAGE}.ContactsService": ContactsServicer(runtime),
            f"{PACKAGE}.RelationshipsService": RelationshipsServicer(runtime),
            f"{PACKAGE}.ActivitiesService": ActivitiesServicer(runtime),
            f"{PACKAGE}.TasksService": TasksServicer(runtime),
            f"{PACKAGE}.ConsentsService": ConsentsServicer(runtime),
            f"{PACKAGE}.TimelineService": TimelineServicer(runtime),
            f"{PACKAGE}.ProfilesService": ProfilesServicer(runtime.database),
            f"{PACKAGE}.DuplicatesService": DuplicatesServicer(runtime),
            f"{PACKAGE}.DuplicatePairsService": DuplicatePairsServicer(runtime),
            f"{PACKAGE}.SegmentsService": SegmentsServicer(runtime),
            f"{PACKAGE}.ImportsService": ImportsServicer(runtime, pool),
        },
        operations={
            import_handlers.RUN: run_import,
            import_handlers.VALIDATE: run_import,
            review_handlers.SEARCH: DuplicateSearcher(runtime.database, pool),
        },
        subscriptions=SUBSCRIPTIONS,
        jobs=[
            Job("task-reminders", 15, task_handlers.remind_due),
            Job("segment-refresh", 60, segment_handlers.refresh_due),
        ],
    )


DEFINITION = Definition("customer", CustomerSettings, ENCODERS, build, Path(__file__).parent)
