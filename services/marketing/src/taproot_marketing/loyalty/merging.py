"""Points follow merged customers: moved to the survivor's account, and back when the merge is undone.

The ledger's rows stay as they were; a transfer adds two movements that cancel each other out.
"""

from __future__ import annotations

import uuid

from taproot_marketing.customer_refs.merges import Merge
from taproot_marketing.loyalty import queries
from taproot_marketing.loyalty.handlers import Movement, account_for, book_movement
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyProgram
from taproot_records.writing import load_any
from taproot_storage.database import UnitOfWork


async def follow_merge(merge: Merge, work: UnitOfWork) -> None:
    """Once per merge and account, whatever was earned or spent since."""
    for source in merge.sources:
        for row in await queries.accounts_of(work, source):
            program = await load_any(work, LoyaltyProgram, row["program_id"], queries.WORK)
            mine = await load_any(work, LoyaltyAccount, row["id"], queries.WORK)
            theirs = await account_for(program, merge.root, work, closed_too=True)
            if theirs.id != mine.id:
                await (_give_back if merge.undone else _hand_over)(merge, program, mine, theirs, work)


async def _hand_over(
    merge: Merge, program: LoyaltyProgram, mine: LoyaltyAccount, theirs: LoyaltyAccount, work: UnitOfWork
) -> None:
    if mine.balance or mine.lifetime_points:
        key, amount = _key(merge, mine.id), (mine.balance, mine.lifetime_points)
        await _transfer(program, mine, theirs, amount, "customers merged", key, work)


async def _give_back(
    merge: Merge, program: LoyaltyProgram, mine: LoyaltyAccount, theirs: LoyaltyAccount, work: UnitOfWork
) -> None:
    """What the merge moved, as far as it is still there: points spent together are spent."""
    moved = await queries.known_transaction(work, program.id, f"{_key(merge, mine.id)}:out")
    if moved is not None:
        amount = min(-moved["points"], theirs.balance), -moved["lifetime_points"]
        key = f"{_key(merge, mine.id)}:undone"
        await _transfer(program, theirs, mine, amount, "merge of customers undone", key, work)


def _key(merge: Merge, account_id: uuid.UUID) -> str:
    return f"merge:{merge.id}:{account_id}"


async def _transfer(
    program: LoyaltyProgram,
    giver: LoyaltyAccount,
    taker: LoyaltyAccount,
    amount: tuple[int, int],
    reason: str,
    key: str,
    work: UnitOfWork,
) -> None:
    """`amount`: points to spend, and of the lifetime."""
    points, lifetime = amount
    await book_movement(giver, program, Movement("transfer", -points, reason, f"{key}:out", -lifetime), work)
    await book_movement(taker, program, Movement("transfer", points, reason, f"{key}:in", lifetime), work)
