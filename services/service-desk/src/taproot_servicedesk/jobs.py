"""What this service does by the clock. Each job runs once over all replicas and may stop at any point."""

from __future__ import annotations

import functools

from taproot_chassis.jobs import Job
from taproot_servicedesk.dispatches.handlers import time_out_dispatches
from taproot_servicedesk.entitlements.handlers import announce_ends, expire_ended
from taproot_servicedesk.settings import ServiceDeskSettings
from taproot_servicedesk.tickets.handlers import settle_due_tickets


def jobs(settings: ServiceDeskSettings) -> list[Job]:
    zone = settings.default_time_zone
    return [
        Job("sla", 2, settle_due_tickets),
        Job("dispatch-timeouts", 15, time_out_dispatches),
        Job("entitlements-expiring", 600, functools.partial(announce_ends, zone)),
        Job("entitlements-expired", 600, functools.partial(expire_ended, zone)),
    ]
