"""Reads of forms and submissions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from taproot.marketing.v1 import form_pb2 as pb
from taproot_base.errors import NotFound
from taproot_marketing.forms.model import Form, FormRate, FormSubmission
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = "id display_name state campaign_id double_opt_in owner_id branch_id create_time update_time custom"
SUBMISSION_FIELDS = (
    "id form_id display_name state name company phone email region product_interest utm referral_code language_code"
    " answers consent campaign_id owner_id branch_id create_time update_time"
)
SHELF = Shelf(resource_of("form", Form, pb.Form, FIELDS), Form, pb.Form)
SUBMISSIONS = Shelf(
    resource_of("formsubmission", FormSubmission, pb.FormSubmission, SUBMISSION_FIELDS),
    FormSubmission,
    pb.FormSubmission,
)

PUBLIC = "an open form is open to the public"
_form = bindparam("form", type_=Uuid())
_open = Statement(
    lambda: select(Form.__table__).where(Form.id == _form, Form.state == "open", unscoped(Form, PUBLIC))
)
_earlier = Statement(
    lambda: select(FormSubmission.__table__).where(
        FormSubmission.form_id == _form,
        FormSubmission.request_id == bindparam("request"),
        FormSubmission.request_id != "",
        unscoped(FormSubmission, PUBLIC),
    )
)
_used = Statement(
    lambda: (
        select(FormSubmission.id)
        .where(FormSubmission.form_id == _form, unscoped(FormSubmission, "a form is in use whoever sees it"))
        .limit(1)
    )
)


def _build_count() -> Any:
    statement = insert(FormRate).values(
        form_id=_form, address_hash=bindparam("address"), hour=bindparam("hour"), count=1
    )
    changes = {"count": FormRate.count + 1}
    return statement.on_conflict_do_update(
        index_elements=["form_id", "address_hash", "hour"], set_=changes
    ).returning(FormRate.count)


_count = Statement(_build_count)
_forget = Statement(lambda: delete(FormRate).where(FormRate.hour < bindparam("before")))


async def open_form(reader: Reader, form_id: str) -> Any:
    """Row of an open form. Raises NotFound."""
    row = await reader.fetch_row(_open, form=uuid.UUID(form_id))
    if row is None:
        raise NotFound("open form", form_id)
    return row


async def earlier_submission(reader: Reader, form_id: uuid.UUID, request_id: str) -> Any:
    return await reader.fetch_row(_earlier, form=form_id, request=request_id)


async def is_used(reader: Reader, form_id: uuid.UUID) -> bool:
    return await reader.fetch_value(_used, form=form_id) is not None


async def count_submission(work: UnitOfWork, form_id: uuid.UUID, address: str, hour: datetime) -> int:
    """Count one more of this hour from a network address; answers how many there are."""
    return int(await work.fetch_value(_count, form=form_id, address=address, hour=hour))


async def forget_rates(work: UnitOfWork, before: datetime) -> None:
    await work.execute(_forget, before=before)


_thanks = Statement(lambda: select(Form.thank_you).where(Form.id == _form, unscoped(Form, PUBLIC)))


async def thank_you_of(reader: Reader, form_id: uuid.UUID) -> dict[str, str]:
    return await reader.fetch_value(_thanks, form=form_id) or {}
