"""Reads of templates."""

from __future__ import annotations

import uuid

from sqlalchemy import String, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from taproot.marketing.v1 import template_pb2 as pb
from taproot_marketing.campaigns.model import Campaign
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.journeys.model import Journey
from taproot_marketing.templates.model import Template
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = "id display_name message_class key archived owner_id branch_id create_time update_time custom"
SHELF = Shelf(resource_of("template", Template, pb.Template, FIELDS), Template, pb.Template)

_WHOLE = "a template is in use whoever uses it"
_template = bindparam("template", type_=Delivery.template_id.type)
_sends = func.jsonb_build_array(
    func.jsonb_build_object("send", func.jsonb_build_object("template_id", cast(_template, String())))
)
_used = Statement(
    lambda: select(
        or_(
            select(Delivery.id).where(Delivery.template_id == _template, unscoped(Delivery, _WHOLE)).exists(),
            select(Campaign.id).where(Campaign.template_id == _template, unscoped(Campaign, _WHOLE)).exists(),
            select(Journey.id)
            .where(Journey.steps.op("@>")(cast(_sends, JSONB())), unscoped(Journey, _WHOLE))
            .exists(),
        )
    )
)
_by_key = Statement(lambda: select(Template.id).where(Template.key == bindparam("key"), Template.key != ""))
_for_sending = Statement(
    lambda: select(Template.id, Template.contents, Template.from_name, Template.message_class).where(
        Template.id == bindparam("template")
    )
)


async def is_used(reader: Reader, template_id: uuid.UUID) -> bool:
    return bool(await reader.fetch_value(_used, template=template_id))


async def find_by_key(reader: Reader, key: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_by_key, key=key)
    return found


async def for_sending(reader: Reader, template_id: uuid.UUID) -> object:
    """contents, from_name, message_class; None when it is gone."""
    return await reader.fetch_row(_for_sending, template=template_id)
