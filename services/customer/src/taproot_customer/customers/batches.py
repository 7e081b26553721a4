"""Many customers created in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument
from taproot_customer.customers import handlers, queries
from taproot_customer.customers.access import AccessTokens
from taproot_customer.customers.model import Customer
from taproot_storage.database import UnitOfWork


@dataclass(frozen=True)
class Outcome:
    """One of the two."""

    customer: Customer | None = None
    error: AppError | None = None


Asked = handlers.CreateCustomer | AppError
"""What to create, or why that cannot be read."""


async def create_customers(
    asked: Sequence[Asked], work: UnitOfWork, tokens: AccessTokens, *, refuse_hidden: bool, partial: bool
) -> list[Outcome]:
    """The caller holds the locks of all. Without `partial` the first error ends the transaction."""
    wanted = [one.id for one in asked if not isinstance(one, AppError)]
    taken = await queries.known_ids(work, wanted)
    outcomes = [await _attempt(one, taken, work, tokens, refuse_hidden=refuse_hidden) for one in asked]
    if not partial:
        _refuse(outcomes)
    return outcomes


async def _attempt(
    asked: Asked, taken: set[uuid.UUID], work: UnitOfWork, tokens: AccessTokens, *, refuse_hidden: bool
) -> Outcome:
    if isinstance(asked, AppError):
        return Outcome(error=asked)
    if asked.id in taken:
        return Outcome(error=AlreadyExists(f"a customer {asked.id} exists"))
    try:  # every refusal comes before the first write
        made = await handlers.create_customer(asked, work, tokens, refuse_hidden=refuse_hidden)
    except AppError as error:
        return Outcome(error=error)
    taken.add(asked.id)
    return Outcome(customer=made)


def _refuse(outcomes: Sequence[Outcome]) -> None:
    """Every violation with its path; an error of another kind as it is."""
    faults = []
    for number, outcome in enumerate(outcomes):
        if outcome.error is not None and not outcome.error.violations:
            raise outcome.error
        listed = outcome.error.violations if outcome.error else ()
        faults += [(f"requests[{number}].{fault.field}", fault.description) for fault in listed]
    if faults:
        raise InvalidArgument(faults)
