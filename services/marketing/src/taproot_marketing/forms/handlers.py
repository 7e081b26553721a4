"""Use cases of forms and submissions."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.forms import queries
from taproot_marketing.forms.model import (
    DEFAULT_HOURLY_LIMIT,
    Form,
    FormInUse,
    FormRateLimited,
    FormSubmission,
    FormTooFast,
)
from taproot_marketing.forms.rules import violations
from taproot_marketing.templates.queries import find_by_key
from taproot_marketing.tokens import InvalidTokenError, Signer
from taproot_records.checks import Checks
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, load_any, moved, patched, placed
from taproot_storage.database import Database, UnitOfWork

SHOWN, CONFIRM = "form", "confirm"
SHOWN_FOR = timedelta(hours=24)
CONFIRM_WITHIN = timedelta(days=7)
CONFIRM_TEMPLATE = "confirm_submission"


@dataclass(frozen=True)
class Submit:
    form_id: str
    request_id: str
    values: Values
    form_token: str
    trap: str
    address: str
    """Network address of the visitor; empty when the gateway does not tell."""


async def create_form(form_id: uuid.UUID, values: Values, work: UnitOfWork) -> Form:
    form = Form.create(form_id, await placed(work, "forms", values), work.clock.now())
    await work.add(form)
    return form


async def update_form(key: str, etag: str, values: Values, work: UnitOfWork) -> Form:
    form = await load(work, Form, key, etag)
    form.change(patched(form, await moved(work, "forms", form, values)), work.clock.now())
    return form


async def delete_form(key: str, etag: str, work: UnitOfWork) -> Form:
    form = await load(work, Form, key, etag)
    if await queries.is_used(work, form.id):
        raise FormInUse
    form.remove(work.clock.now())
    await discard(work, form)
    return form


async def open_form(key: str, etag: str, work: UnitOfWork) -> Form:
    form = await load(work, Form, key, etag)
    form.open(work.clock.now())
    return form


async def close_form(key: str, etag: str, work: UnitOfWork) -> Form:
    form = await load(work, Form, key, etag)
    form.close(work.clock.now())
    return form


# ---------------------------------------------------------------- submissions


async def submit_form(command: Submit, signer: Signer, salt: bytes, work: UnitOfWork) -> tuple[Any, Any]:
    """A visitor's submission and its form; the same one for a repeated request_id.

    The caller holds the advisory lock of the request_id.
    """
    row = await queries.open_form(work, command.form_id)
    earlier = await queries.earlier_submission(work, row["id"], command.request_id)
    if earlier is not None:
        return earlier, row
    checks = Checks()
    with checks:
        _check_answers(command.values, row)
    with checks:
        _check_token(command, row, signer, work)
    checks.done()
    await _check_rate(command, row, salt, work)
    form = Form(**dict(row))
    submission = FormSubmission.create(new_id(), form, command.values, work.clock.now())
    submission.request_id = command.request_id
    await _receive(submission, form, command.trap, signer, work)
    await work.add(submission)
    return {"id": submission.id, "state": submission.state}, row


async def _receive(
    submission: FormSubmission, form: Form, trap: str, signer: Signer, work: UnitOfWork
) -> None:
    if trap:
        submission.state = "spam"
    elif form.double_opt_in and submission.email:
        submission.state = "pending_confirmation"
        await _ask_to_confirm(submission, signer, work)
    else:
        submission.accept(work.clock.now())


async def _ask_to_confirm(submission: FormSubmission, signer: Signer, work: UnitOfWork) -> None:
    template_id = await find_by_key(work, CONFIRM_TEMPLATE)
    if template_id is None:
        raise InvalidArgument([("form.double_opt_in", f"needs a template with the key {CONFIRM_TEMPLATE}")])
    token = signer.sign(CONFIRM, str(submission.id), work.clock.now())
    order = Order(
        business_key=f"form_submission:{submission.id}",
        source="form",
        template_id=template_id,
        message_class="transactional",
        address=submission.email,
        language_code=submission.language_code,
        context={"submission": {"name": submission.name, "token": token}},
        owner_id=submission.owner_id,
        branch_id=submission.branch_id,
        branch_path=submission.branch_path,
    )
    await enqueue(order, work)


def _check_answers(values: Values, form: Any) -> None:
    found = violations(form["required_fields"], form["fields"], values)
    if found:
        raise InvalidArgument(found)


def _check_token(command: Submit, form: Any, signer: Signer, work: UnitOfWork) -> None:
    """Robots send sooner than people can read."""
    if not form["min_seconds"]:
        return
    try:
        subject, shown = signer.read_fresh(SHOWN, command.form_token, work.clock.now(), SHOWN_FOR)
    except InvalidTokenError as error:
        raise InvalidArgument([("form_token", "is missing, false or older than 24 hours")]) from error
    if subject != str(form["id"]):
        raise InvalidArgument([("form_token", "belongs to another form")])
    if (work.clock.now() - shown).total_seconds() < form["min_seconds"]:
        raise FormTooFast(form["min_seconds"])


async def _check_rate(command: Submit, form: Any, salt: bytes, work: UnitOfWork) -> None:
    """Counted per hash of the network address and hour; the address itself is never stored."""
    if not command.address:
        return
    hashed = hashlib.sha256(salt + command.address.encode()).hexdigest()
    hour = work.clock.now().replace(minute=0, second=0, microsecond=0)
    count = await queries.count_submission(work, form["id"], hashed, hour)
    if count > (form["hourly_limit"] or DEFAULT_HOURLY_LIMIT):
        raise FormRateLimited


async def confirm_submission(token: str, signer: Signer, work: UnitOfWork) -> FormSubmission:
    try:
        subject, _signed = signer.read_fresh(CONFIRM, token, work.clock.now(), CONFIRM_WITHIN)
    except InvalidTokenError as error:
        raise InvalidArgument([("token", "is false or older than 7 days")]) from error
    reason = "the reader of the mail holds its token"
    submission = await load_any(work, FormSubmission, subject, reason)
    submission.confirm(work.clock.now())
    return submission


async def release_submission(key: str, etag: str, work: UnitOfWork) -> FormSubmission:
    submission = await load(work, FormSubmission, key, etag)
    submission.release(work.clock.now())
    return submission


async def forget_rates(database: Database) -> int:
    """Job: drop the counters of hours gone by."""
    async with database.unit() as work:
        await queries.forget_rates(work, work.clock.now() - timedelta(hours=2))
    return 0
