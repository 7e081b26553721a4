"""Repeats: a request_id takes effect once; a repeat reads the result again under today's rights."""

from __future__ import annotations

import hashlib
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_base.context import current_call
from taproot_base.errors import IdempotencyKeyReused, NotFound
from taproot_storage.erased import was_erased
from taproot_storage.schema import idempotency
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_storage.database import Database, UnitOfWork

KEEP = timedelta(hours=24)
_t = idempotency.c

_claim = Statement(
    lambda: (
        insert(idempotency)
        .values(
            {
                name: bindparam(name)
                for name in ("principal", "method", "request_id", "request_hash", "result_id", "created_at")
            }
        )
        .on_conflict_do_nothing()
    )
)
_mine = (
    _t.principal == bindparam("who"),
    _t.method == bindparam("what"),
    _t.request_id == bindparam("key"),
)
_read = Statement(lambda: select(_t.request_hash, _t.result_id).where(*_mine))
_finish = Statement(lambda: update(idempotency).where(*_mine).values(result_id=bindparam("result")))
_expire = Statement(lambda: delete(idempotency).where(_t.created_at < bindparam("before")))


async def claim(request: Message, work: UnitOfWork, result_id: str = "") -> str | None:
    """First statement of a unit of work. Returns the id of the earlier result when this is a repeat.

    A parallel repeat waits here for the first to commit. With `result_id`, when the result's id is known
    before, there is no need to `finish`. Raises NotFound when the result was erased since: neither is it
    told of again nor made anew.
    """
    key = getattr(request, "request_id", "")
    if not key:
        return None
    call = current_call()
    digest = _digest(request)
    identity = {"principal": call.principal.subject, "method": call.method, "request_id": key}
    values = {"request_hash": digest, "result_id": result_id or None, "created_at": work.clock.now()}
    if await work.execute(_claim, **identity, **values):
        return None
    row = await work.fetch_row(_read, who=call.principal.subject, what=call.method, key=key)
    if row["request_hash"] != digest:
        raise IdempotencyKeyReused
    work.audited = False
    if call.note is not None:
        call.note.written = True  # when it took effect
    earlier = str(row["result_id"] or "")
    if await was_erased(work, earlier):
        raise NotFound("record", earlier)
    return earlier


async def finish(request: Message, result_id: str, work: UnitOfWork) -> None:
    key = getattr(request, "request_id", "")
    if key:
        call = current_call()
        await work.execute(_finish, who=call.principal.subject, what=call.method, key=key, result=result_id)


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


async def expire(database: Database) -> int:
    """Job: forget what is older than 24 hours."""
    async with database.unit() as work:
        await work.execute(_expire, before=work.clock.now() - KEEP)
    return 0


def lock_key(*parts: Any) -> int:
    """An advisory lock key for `Database.unit(locks=...)`."""
    text = "\x1f".join(map(str, parts)).encode()
    return (zlib.crc32(text) << 31) ^ zlib.adler32(text)
