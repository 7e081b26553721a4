"""Templates between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.marketing.events.v1.template_event_pb2 import TemplateEvent
from taproot.marketing.v1 import template_pb2 as pb
from taproot_marketing.templates.model import Template
from taproot_marketing.templates.rules import Rendered
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def to_message(template: Template) -> pb.Template:
    return message_of(pb.Template, row_of(template))


def to_event(template: Template, _recorded: Recorded) -> TemplateEvent:
    return TemplateEvent(template=to_message(template))


def to_rendered(rendered: Rendered, delivery_id: Any = "") -> pb.RenderedMessage:
    return pb.RenderedMessage(
        language_code=rendered.language_code,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        delivery_id=str(delivery_id),
    )
