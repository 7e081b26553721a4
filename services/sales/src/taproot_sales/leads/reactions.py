"""Events of other services that make leads."""

from __future__ import annotations

from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot_chassis.events import Event
from taproot_sales.leads.handlers import capture_submission
from taproot_sales.leads.messages import from_submission
from taproot_storage.database import UnitOfWork


async def capture_form(event: Event, work: UnitOfWork) -> None:
    """`form.submitted` -> a lead."""
    submission_id, form_branch, values = from_submission(event.decode(FormEvent))
    await capture_submission(submission_id, form_branch, values, work)
