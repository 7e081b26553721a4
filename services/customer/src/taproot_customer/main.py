"""Composition root of the customer service."""

from __future__ import annotations

import functools
from pathlib import Path

from taproot_chassis.jobs import Job
from taproot_chassis.service import Definition, Parts, Runtime
from taproot_customer import sweeping
from taproot_customer.activities import recurring as activities
from taproot_customer.analysis import handlers as insight_handlers
from taproot_customer.analysis.running import InsightRunner
from taproot_customer.care_dates.raising import Raiser
from taproot_customer.computing import WorkerPool
from taproot_customer.cross_selling import refreshing as cross_selling
from taproot_customer.encoders import ENCODERS
from taproot_customer.exports import handlers as export_handlers
from taproot_customer.exports.running import ExportRunner
from taproot_customer.facts.refreshing import refresher
from taproot_customer.imports import handlers as import_handlers
from taproot_customer.imports.running import ImportRunner
from taproot_customer.imports.undoing import ImportUndoer
from taproot_customer.loyalty.handlers import LoyaltyClasser
from taproot_customer.pools import handlers as pool_handlers
from taproot_customer.privacy import handlers as privacy_handlers
from taproot_customer.privacy.parts import Privacy
from taproot_customer.review import handlers as review_handlers
from taproot_customer.review.searching import DuplicateSearcher
from taproot_customer.segments import handlers as segment_handlers
from taproot_customer.servicers import servicers
from taproot_customer.settings import CustomerSettings
from taproot_customer.sharing import handlers as sharing_handlers
from taproot_customer.subscribers import subscriptions
from taproot_customer.tasks import handlers as task_handlers
from taproot_customer.transfers import handlers as transfer_handlers
from taproot_customer.uploads import handlers as upload_handlers


def build(runtime: Runtime[CustomerSettings]) -> Parts:
    pool = WorkerPool(runtime.settings.parser_processes)
    run_import = ImportRunner(runtime.database, runtime.blobs, pool, runtime.settings.default_region)
    settings = runtime.settings
    listening = subscriptions(settings)
    privacy = Privacy(runtime, listening)
    computing = WorkerPool(1)
    return Parts(
        servicers=servicers(runtime, pool, privacy),
        operations={
            **privacy.operations,
            import_handlers.RUN: run_import,
            import_handlers.VALIDATE: run_import,
            transfer_handlers.RUN: transfer_handlers.run_transfer,
            transfer_handlers.UNDO: transfer_handlers.run_undo,
            export_handlers.RUN: ExportRunner(runtime.database, runtime.blobs, runtime.page_key),
            insight_handlers.RUN: InsightRunner(runtime.database, computing),
            import_handlers.UNDO: ImportUndoer(runtime.database, runtime.settings.default_region),
            review_handlers.SEARCH: DuplicateSearcher(
                runtime.database, pool, runtime.settings.default_region
            ),
        },
        subscriptions=listening,
        jobs=[
            Job("task-reminders", 15, task_handlers.remind_due),
            Job("activity-reminders", 15, activities.remind_due),
            Job(
                "care-dates",
                60,
                Raiser(settings.default_time_zone, settings.care_date_hour, settings.care_date_catch_up_days),
            ),
            Job("recall-warnings", 300, pool_handlers.warn_due),
            Job("recalls", 300, pool_handlers.recall_due),
            Job("share-ends", 30, sharing_handlers.expire_due),
            Job("erasures", 30, privacy_handlers.resume),
            Job("uploads", 3600, functools.partial(upload_handlers.expire, runtime.blobs)),
            *sweeping.jobs(runtime.blobs),
            Job("customer-facts", 1, refresher(runtime.settings.default_currency)),
            Job("cross-sells", 60, cross_selling.refresh_due),
            Job("segment-dues", 5, segment_handlers.move_due),
            Job("loyalty-classes", 60, LoyaltyClasser(runtime.database, computing)),
        ],
    )


DEFINITION = Definition("customer", CustomerSettings, ENCODERS, build, Path(__file__).parent)
