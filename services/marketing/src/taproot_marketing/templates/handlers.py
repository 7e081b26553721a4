"""Use cases of templates."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from taproot_base.ids import new_id
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.templates import queries
from taproot_marketing.templates.model import Template, TemplateInUse, TemplateKeyTaken
from taproot_marketing.templates.rules import Content, Rendered, choose, render
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, patched, placed
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import merge_patch


@dataclass(frozen=True)
class Preview:
    template_id: str
    customer_id: str
    language_code: str
    variables: dict[str, Any]


async def create_template(template_id: uuid.UUID, values: Values, work: UnitOfWork) -> Template:
    await _require_free_key(values.get("key", ""), None, work)
    template = Template.create(
        {"id": template_id} | await placed(work, "templates", values), work.clock.now()
    )
    await work.add(template)
    return template


async def update_template(key: str, etag: str, values: Values, work: UnitOfWork) -> Template:
    template = await load(work, Template, key, etag)
    await _require_free_key(values.get("key", ""), template.id, work)
    template.change(patched(template, await moved(work, "templates", template, values)), work.clock.now())
    return template


async def delete_template(key: str, etag: str, work: UnitOfWork) -> Template:
    template = await load(work, Template, key, etag)
    if await queries.is_used(work, template.id):
        raise TemplateInUse
    template.remove(work.clock.now())
    await discard(work, template)
    return template


async def _require_free_key(key: str, own: uuid.UUID | None, work: UnitOfWork) -> None:
    """The caller holds the advisory lock of the key."""
    holder = await queries.find_by_key(work, key) if key else None
    if holder is not None and holder != own:
        raise TemplateKeyTaken(key)


async def preview(command: Preview, reader: Reader) -> tuple[Rendered, Content]:
    """Fill in the placeholders. Raises TemplateVariableMissing naming every hole."""
    template = await queries.SHELF.get(reader, command.template_id)
    stored = [Content(c.language_code, c.subject, c.text, c.html) for c in template.contents]
    row = await customers.see_customer(reader, command.customer_id) if command.customer_id else None
    language = command.language_code or (row["language_code"] if row else "")
    content = choose(stored, language)
    data = merge_patch({"customer": customers.placeholders(row), "public_url": ""}, command.variables)
    return render(content, data), content


async def test_send(command: Preview, recipient: str, work: UnitOfWork) -> tuple[Rendered, uuid.UUID]:
    """Queue the filled-in template to one address of the staff."""
    template = await load(work, Template, command.template_id)
    rendered, _content = await preview(command, work)
    delivery_id = new_id()
    row = await customers.see_customer(work, command.customer_id) if command.customer_id else None
    order = Order(
        business_key=f"test:{delivery_id}",
        source="test",
        template_id=template.id,
        message_class="transactional",
        address=recipient,
        language_code=rendered.language_code,
        context=merge_patch({"customer": customers.placeholders(row)}, command.variables),
    )
    await enqueue(order, work, delivery_id)
    return rendered, delivery_id
