"""Composition root of the customer service."""

from __future__ import annotations

from pathlib import Path

from taproot_chassis.jobs import Job
from taproot_chassis.service import Definition, Parts, Runtime
from taproot_customer.analysis import handlers as insight_handlers
from taproot_customer.analysis.running import InsightRunner
from taproot_customer.encoders import ENCODERS
from taproot_customer.exports import handlers as export_handlers
from taproot_customer.exports.running import ExportRunner
from taproot_customer.imports import handlers as import_handlers
from taproot_customer.imports.pool import ParserPool
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
from taproot_customer.subscribers import SUBSCRIPTIONS
from taproot_customer.tasks import handlers as task_handlers
from taproot_customer.transfers import handlers as transfer_handlers


def build(runtime: Runtime[CustomerSettings]) -> Parts:
    pool = ParserPool(runtime.settings.parser_processes)
    run_import = ImportRunner(runtime.database, runtime.blobs, pool, runtime.settings.default_region)
    privacy = Privacy(runtime, SUBSCRIPTIONS)
    return Parts(
        servicers=servicers(runtime, pool, privacy),
        operations={
            **privacy.operations,
            import_handlers.RUN: run_import,
            import_handlers.VALIDATE: run_import,
            transfer_handlers.RUN: transfer_handlers.run_transfer,
            transfer_handlers.UNDO: transfer_handlers.run_undo,
            export_handlers.RUN: ExportRunner(runtime.database, runtime.blobs, runtime.page_key),
            insight_handlers.RUN: InsightRunner(runtime.database, pool),
            import_handlers.UNDO: ImportUndoer(runtime.database, runtime.settings.default_region),
            review_handlers.SEARCH: DuplicateSearcher(
                runtime.database, pool, runtime.settings.default_region
            ),
        },
        subscriptions=SUBSCRIPTIONS,
        jobs=[
            Job("task-reminders", 15, task_handlers.remind_due),
            Job("recall-warnings", 300, pool_handlers.warn_due),
            Job("recalls", 300, pool_handlers.recall_due),
            Job("erasures", 30, privacy_handlers.resume),
            Job("segment-refresh", 60, segment_handlers.refresh_due),
            Job("loyalty-classes", 60, LoyaltyClasser(runtime.database, pool)),
        ],
    )


DEFINITION = Definition("customer", CustomerSettings, ENCODERS, build, Path(__file__).parent)
