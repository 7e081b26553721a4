"""Plants what is ready-made, once for ever: what the enterprise deletes or changes stays so."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.context import calling
from taproot_base.ids import derived_id
from taproot_chassis.service import Runtime
from taproot_marketing.base import Base
from taproot_marketing.journeys import handlers as journeys
from taproot_marketing.journeys.queries import find_by_key as find_journey
from taproot_marketing.seeds.content import JOURNEYS, TEMPLATES
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.templates import handlers as templates
from taproot_marketing.templates.queries import find_by_key as find_template
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.statements import Statement

NAMESPACE = uuid.UUID("5b2c4c0e-8f5c-4b77-9a52-1e5f4a0c7d11")


class PlantedSeed(Base):
    __tablename__ = "planted_seeds"

    name: Mapped[str] = mapped_column(primary_key=True)


_note = Statement(lambda: insert(PlantedSeed).values(name=bindparam("name")).on_conflict_do_nothing())


async def plant(runtime: Runtime[MarketingSettings]) -> None:
    """Several processes may start at once: the lock lets one plant, the notes keep the others from it."""
    with calling(runtime.system_call()):
        async with runtime.database.unit([lock_key("seeds")]) as work:
            for seed in TEMPLATES:
                await _plant_template(seed, work)
            await work.flush()
            for seed in JOURNEYS:
                await _plant_journey(seed, work)


async def _plant_template(seed: dict[str, Any], work: UnitOfWork) -> None:
    if not await work.execute(_note, name=f"template:{seed['key']}"):
        return
    if await find_template(work, seed["key"]) is None:
        values = {"from_name": "", "archived": False, "custom": {}, **seed}
        await templates.create_template(derived_id(NAMESPACE, "template", seed["key"]), values, work)


async def _plant_journey(seed: dict[str, Any], work: UnitOfWork) -> None:
    """Planted active: mails still go only where a consent allows them."""
    if not await work.execute(_note, name=f"journey:{seed['key']}"):
        return
    template_id = await find_template(work, seed["template"])
    if template_id is None or await find_journey(work, seed["key"]) is not None:
        return
    values = {name: seed[name] for name in ("key", "display_name", "description", "trigger")}
    values |= {"steps": [{"key": "mail", "send": {"template_id": str(template_id)}}], "custom": {}}
    made = await journeys.create_journey(derived_id(NAMESPACE, "journey", seed["key"]), values, work)
    made.activate(work.clock.now())
