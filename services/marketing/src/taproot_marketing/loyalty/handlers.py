"""Use cases of loyalty: joining, and every movement of points."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.loyalty import queries
from taproot_marketing.loyalty.model import (
    LoyaltyAccount,
    LoyaltyAccountExists,
    LoyaltyEntry,
    LoyaltyProgram,
    LoyaltyProgramClosed,
    LoyaltyProgramInUse,
    LoyaltyTransaction,
)
from taproot_marketing.loyalty.rules import book, points_for
from taproot_records.mapping import Values, row_of
from taproot_records.writing import discard, load, load_any, moved, patched, placed
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key


@dataclass(frozen=True)
class Payment:
    id: str
    number: str
    customer_id: uuid.UUID
    amount: Decimal
    currency_code: str


async def create_program(program_id: uuid.UUID, values: Values, work: UnitOfWork) -> LoyaltyProgram:
    values = await placed(work, "loyalty_programs", values)
    program = LoyaltyProgram.create({"id": program_id} | values, work.clock.now())
    await work.add(program)
    return program


async def update_program(key: str, etag: str, values: Values, work: UnitOfWork) -> LoyaltyProgram:
    program = await load(work, LoyaltyProgram, key, etag)
    program.change(patched(program, await moved(work, "loyalty_programs", program, values)), work.clock.now())
    return program


async def delete_program(key: str, etag: str, work: UnitOfWork) -> LoyaltyProgram:
    program = await load(work, LoyaltyProgram, key, etag)
    if await queries.is_used(work, program.id):
        raise LoyaltyProgramInUse
    program.remove(work.clock.now())
    await discard(work, program)
    return program


# ---------------------------------------------------------------- accounts


def account_lock(program_id: Any, customer_id: Any) -> int:
    """Parallel joins of one customer wait for each other."""
    return lock_key("loyalty", str(program_id), str(customer_id))


async def join(account_id: uuid.UUID, values: Values, work: UnitOfWork) -> LoyaltyAccount:
    """The caller holds `account_lock`."""
    missing = [name for name in ("program_id", "customer_id") if not values.get(name)]
    if missing:
        raise InvalidArgument((f"loyalty_account.{name}", "must be given") for name in missing)
    customer = await customers.see_customer(work, values["customer_id"])
    program = await load(work, LoyaltyProgram, values["program_id"])
    known = await queries.account_of(work, program.id, customer["id"])
    if known is not None:
        raise LoyaltyAccountExists(known)
    if program.closed:
        raise LoyaltyProgramClosed
    return await _open(account_id, program, customer["id"], work)


async def _open(
    account_id: uuid.UUID, program: LoyaltyProgram, customer_id: uuid.UUID, work: UnitOfWork
) -> LoyaltyAccount:
    now, customer = work.clock.now(), await customers.hold_customer(work, customer_id)
    account = LoyaltyAccount(
        id=account_id,
        program_id=program.id,
        customer_id=customer_id,
        display_name=customer["display_name"] if customer else "",
        balance=0,
        lifetime_points=0,
        tier="",
        owner_id=customer["owner_id"] if customer else None,
        branch_id=customer["branch_id"] if customer else None,
        branch_path=customer["branch_path"] if customer else "",
        create_time=now,
    )
    account.record("created", now)
    await work.add(account)
    await work.flush()
    return account


# ---------------------------------------------------------------- movements


@dataclass(frozen=True)
class Movement:
    """`lifetime_points` move with a transfer only."""

    kind: str
    points: int
    reason: str = ""
    business_key: str = ""
    lifetime_points: int = 0


async def move_points(key: str, etag: str, movement: Movement, work: UnitOfWork) -> Any:
    """Earn, redeem or adjust: the programme's lock makes parallel movements queue up. Answers the movement.

    The account of a merged customer is its survivor's.
    """
    row = await queries.SHELF.row(work, key)
    program = await load_any(work, LoyaltyProgram, row["program_id"], queries.WORK)
    account = await load(work, LoyaltyAccount, key, etag)
    if await customers.root_customer(work, account.customer_id) != account.customer_id:
        account = await account_for(program, account.customer_id, work)
    return await book_movement(account, program, movement, work)


async def book_movement(
    account: LoyaltyAccount, program: LoyaltyProgram, movement: Movement, work: UnitOfWork
) -> Any:
    """Both sides of a movement and the account's new balance; a known business key changes nothing."""
    business_key = movement.business_key
    known = await queries.known_transaction(work, program.id, business_key) if business_key else None
    if known is not None:
        return known
    now = work.clock.now()
    transaction = LoyaltyTransaction(
        id=new_id(),
        account_id=account.id,
        program_id=program.id,
        customer_id=account.customer_id,
        balance_after=0,
        create_time=now,
        **asdict(movement),
    )
    account.move(movement.kind, movement.points, transaction, program.ladder, now)
    entries = [
        LoyaltyEntry(transaction_id=transaction.id, book=entry.book, points=entry.points)
        for entry in book(account.id, program.id, movement.kind, movement.points)
    ]
    await work.add(transaction, *entries)
    await work.flush()
    return row_of(transaction)


async def earn_for_customer(
    program_id: uuid.UUID,
    customer_id: uuid.UUID,
    points: int,
    reason: str,
    business_key: str,
    work: UnitOfWork,
) -> uuid.UUID:
    """Credit points to a customer, who joins if need be; once per business key. Answers the movement's id."""
    program = await load_any(work, LoyaltyProgram, program_id, queries.WORK)
    account = await account_for(program, customer_id, work)
    row = await book_movement(account, program, Movement("earn", points, reason, business_key), work)
    found: uuid.UUID = row["id"]
    return found


async def account_for(
    program: LoyaltyProgram, customer_id: uuid.UUID, work: UnitOfWork, *, closed_too: bool = False
) -> LoyaltyAccount:
    """The customer's account, opened if need be. The programme's row is locked, so nobody else opens one."""
    root = await customers.root_customer(work, customer_id)
    known = await queries.account_of(work, program.id, root)
    if known is not None:
        return await load_any(work, LoyaltyAccount, known, queries.WORK)
    if program.closed and not closed_too:
        raise LoyaltyProgramClosed
    return await _open(new_id(), program, root, work)


async def earn_for_payment(payment: Payment, work: UnitOfWork) -> None:
    """Points for a payment in every open programme of its currency, once per payment."""
    root = await customers.root_customer(work, payment.customer_id)
    for row in await queries.earning_programs(work, payment.currency_code):
        points = points_for(payment.amount, row["amount_per_point"])
        member = await queries.account_of(work, row["id"], root) is not None
        if points and (member or row["auto_join"]):
            reason = f"payment {payment.number}".strip()
            await earn_for_customer(row["id"], root, points, reason, f"payment:{payment.id}", work)


async def take_back_for_payment(payment: Payment, work: UnitOfWork) -> None:
    """Take back what a payment gave, as far as the balance goes; once per payment."""
    for row in await queries.earned_for(work, f"payment:{payment.id}"):
        program = await load_any(work, LoyaltyProgram, row["program_id"], queries.WORK)
        account = await account_for(program, row["customer_id"], work, closed_too=True)
        back = min(row["points"], account.balance)
        if back:
            reason, key = f"payment {payment.number} reversed", f"payment_reversed:{payment.id}"
            await book_movement(account, program, Movement("adjust", -back, reason, key), work)
