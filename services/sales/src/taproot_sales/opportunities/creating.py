"""Opening deals: new ones, those from leads, and history brought in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from taproot_base.context import current_call
from taproot_base.errors import AppError, InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import Placer, caller_id
from taproot_records.checks import Checks
from taproot_records.keeping import flush_unique
from taproot_records.writing import new_key
from taproot_sales.catalog.queries import products_by_id
from taproot_sales.competitors.queries import known_competitors
from taproot_sales.opportunities import queries
from taproot_sales.opportunities.commands import CreateOpportunity
from taproot_sales.opportunities.model import (
    Opportunity,
    OpportunityExternalIdExists,
    StageChange,
    line_amount,
    priced_lines,
)
from taproot_sales.pipelines.handlers import pipeline_of
from taproot_sales.pipelines.model import Pipeline
from taproot_sales.pipelines.rules import OPEN, Stage
from taproot_sales.sales_lines.customers import ADMISSION
from taproot_storage.database import UnitOfWork

IMPORT = "opportunities.import"


@dataclass(frozen=True)
class Outcome:
    """What became of one deal of a batch: `deal` or `error`."""

    deal: Opportunity | None = None
    error: AppError | None = None


async def create_opportunity(command: CreateOpportunity, work: UnitOfWork) -> Opportunity:
    outcome = (await create_opportunities([command], work, partial=True))[0]
    if outcome.error is not None:
        raise outcome.error
    assert outcome.deal is not None
    return outcome.deal


async def create_opportunities(
    commands: Sequence[CreateOpportunity | AppError], work: UnitOfWork, *, partial: bool
) -> list[Outcome]:
    """All in this transaction; what could not be read stands as its error.

    Without `partial` one error refuses the whole batch.
    """
    opener = _Opener(work)
    readable = [command for command in commands if isinstance(command, CreateOpportunity)]
    names = [name for command in readable if (name := command.values.get("external_id"))]
    opener.taken = await queries.taken_external_ids(work, names) if names else set()
    outcomes = [await _attempt(opener, command) for command in commands]
    if not partial:
        _refuse(outcomes)
    await work.add(*opener.opened)
    await flush_unique(work, Opportunity.refusals)
    shared = [o.deal for o in outcomes if o.deal is not None and o.deal.member_ids]
    if shared:
        await queries.put_members(work, shared)
    return outcomes


async def _attempt(opener: _Opener, command: CreateOpportunity | AppError) -> Outcome:
    if isinstance(command, AppError):
        return Outcome(error=command)
    try:
        return Outcome(deal=await opener.open(command))
    except AppError as error:
        return Outcome(error=error)


def _refuse(outcomes: list[Outcome]) -> None:
    """Every violation with its path; an error of another kind as it is."""
    faults = []
    for number, outcome in enumerate(outcomes):
        if outcome.error is not None and not outcome.error.violations:
            raise outcome.error
        for violation in outcome.error.violations if outcome.error else ():
            path = violation.field.removeprefix("opportunity.")
            faults.append((f"requests[{number}].opportunity.{path}", violation.description))
    if faults:
        raise InvalidArgument(faults)


class _Opener:
    """Opens deals of one batch; looks up each pipeline and user once."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._now = work.clock.now()
        self._placer = Placer("opportunities", work)
        self._pipelines: dict[UUID | None, Pipeline] = {}
        self.taken: set[str] = set()
        self.opened: list[Any] = []

    async def open(self, command: CreateOpportunity) -> Opportunity:
        checks, values, pipeline, stage, place = Checks(), command.values, None, None, None
        with checks:
            pipeline = await self._pipeline(command.pipeline_id)
            stage = self._stage(pipeline, command)
        with checks:
            values = await complete(command.values, self._work)
        with checks:
            place = await self._placer.place(command.owner_id or caller_id(), command.branch_id)
        if not values.get("display_name"):
            checks.refuse("opportunity.display_name", "is required")
        customer_id = values.get("customer_id")
        if customer_id is not None and await ADMISSION.hides(customer_id, self._work):
            checks.refuse("opportunity.customer_id", "does not exist or is not visible to you")
        checks.done()
        assert pipeline is not None
        assert stage is not None
        assert place is not None
        self._claim_external_id(values.get("external_id"))
        key = await new_key(self._work, Opportunity, command.chosen)
        fixed = {"id": key, "pipeline_id": pipeline.id, "lead_id": command.lead_id}
        deal = Opportunity.open(fixed | values | vars(place), stage, self._now)
        self.opened += [deal, *_history(deal, pipeline)]
        return deal

    async def _pipeline(self, pipeline_id: UUID | None) -> Pipeline:
        if pipeline_id not in self._pipelines:
            self._pipelines[pipeline_id] = await pipeline_of(self._work, pipeline_id)
        return self._pipelines[pipeline_id]

    def _stage(self, pipeline: Pipeline, command: CreateOpportunity) -> Stage:
        stage = pipeline.stage(command.stage) if command.stage else pipeline.first_stage
        if stage is None:
            raise InvalidArgument([("opportunity.stage", f"the pipeline has no stage {command.stage}")])
        if stage.kind != OPEN or {"open_time", "close_time"} & command.values.keys():
            call = current_call()
            call.directory.require(call.principal, IMPORT)
        return stage

    def _claim_external_id(self, name: str | None) -> None:
        if name in self.taken:
            raise OpportunityExternalIdExists(name or "")
        if name is not None:
            self.taken.add(name)


def _history(deal: Opportunity, pipeline: Pipeline) -> list[StageChange]:
    """The stages a new deal went through: closed history was in the first stage before."""
    if deal.state == OPEN:
        return [stage_change(deal, 1, "", deal.open_time)]
    assert deal.close_time is not None
    first = pipeline.first_stage.key
    opened = stage_change(deal, 1, "", deal.open_time)
    opened.to_stage = first
    spent = int((deal.close_time - deal.open_time) / timedelta(seconds=1))
    return [opened, stage_change(deal, 2, first, deal.close_time, spent)]


def stage_change(deal: Opportunity, number: int, before: str, when: Any, spent: int = 0) -> StageChange:
    return StageChange(
        id=new_id(),
        opportunity_id=deal.id,
        number=number,
        from_stage=before,
        to_stage=deal.stage,
        change_time=when,
        changed_by=current_call().principal.subject,
        seconds_in_from_stage=spent,
        amount=deal.amount,
        currency_code=deal.currency_code,
    )


async def complete(values: dict[str, Any], work: UnitOfWork) -> dict[str, Any]:
    """Lines with what the catalogue knows of their products; competitors checked against the library."""
    values, checks = dict(values), Checks()
    if "lines" in values:
        with checks:
            values["lines"] = await _complete_lines(values["lines"], work)
            _check_sum(values)
    if values.get("competitors"):
        with checks:
            await check_competitors(values["competitors"], work)
    checks.done()
    return values


async def _complete_lines(lines: list[dict[str, Any]], work: UnitOfWork) -> list[dict[str, Any]]:
    wanted = {UUID(line["product_id"]) for line in lines if line["product_id"]}
    products = await products_by_id(work, wanted) if wanted else {}
    unknown = [
        (f"opportunity.lines[{n}].product_id", "is not a product")
        for n, line in enumerate(lines)
        if line["product_id"] and UUID(line["product_id"]) not in products
    ]
    if unknown:
        raise InvalidArgument(unknown)
    return [_complete_line(line, products) for line in lines]


def _complete_line(line: dict[str, Any], products: dict[UUID, Any]) -> dict[str, Any]:
    if not line["product_id"]:
        return line
    product = products[UUID(line["product_id"])]
    line = line | {"description": line["description"] or product["display_name"]}
    if not line.get("unit_price") and product["list_price_amount"] is not None:
        price = {"currency_code": product["list_price_currency"], "amount": str(product["list_price_amount"])}
        line |= {"unit_price": price}
    return line


def _check_sum(values: dict[str, Any]) -> None:
    amount = values.get("amount")
    priced = priced_lines(values["lines"])
    if priced and amount is not None and amount != sum(map(line_amount, priced), Decimal(0)):
        raise InvalidArgument([("opportunity.amount", "is the sum of the lines")])


async def check_competitors(competitors: list[dict[str, str]], work: UnitOfWork) -> None:
    known = await known_competitors(work, [UUID(seen["competitor_id"]) for seen in competitors])
    unknown = [
        (f"opportunity.competitors[{n}].competitor_id", "is not a competitor")
        for n, seen in enumerate(competitors)
        if UUID(seen["competitor_id"]) not in known
    ]
    if unknown:
        raise InvalidArgument(unknown)
