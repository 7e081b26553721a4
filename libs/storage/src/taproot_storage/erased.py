"""Who was erased, as hashes of ids, and the one door through which the event log may forget them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, Boolean, DateTime, LargeBinary, Uuid, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from taproot_storage.schema import erased_subjects
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_storage.database import Reader, UnitOfWork

_t = erased_subjects.c


def hash_of(key: uuid.UUID | str) -> bytes:
    """An id is random enough that its hash alone cannot be guessed back."""
    return hashlib.sha256(uuid.UUID(str(key)).bytes).digest()


def hash_in_sql(key: ColumnElement[uuid.UUID]) -> ColumnElement[bytes]:
    """What `hash_of` says, where the rows are."""
    return func.sha256(func.uuid_send(key), type_=LargeBinary())


def is_erased(*keys: ColumnElement[uuid.UUID]) -> ColumnElement[bool]:
    """Whether one of the ids, which may be null, was erased."""
    return exists(select(1).where(or_(*(_t.hash == hash_in_sql(key) for key in keys))))


_remember = Statement(
    lambda: (
        insert(erased_subjects)
        .from_select(
            [_t.hash, _t.erase_time],
            select(
                func.unnest(bindparam("hashes", type_=ARRAY(LargeBinary()))),
                bindparam("at", type_=DateTime(timezone=True)),
            ),
        )
        .on_conflict_do_nothing()
    )
)
_all = Statement(lambda: select(erased_subjects).order_by(_t.erase_time, _t.hash))
_one = Statement(lambda: select(_t.erase_time).where(_t.hash == bindparam("hash")))
_rewrite = Statement(
    lambda: select(
        func.rewrite_event(
            bindparam("event", type_=Uuid()),
            bindparam("occurred", type_=DateTime(timezone=True)),
            bindparam("content", type_=LargeBinary()),
            type_=Boolean(),
        )
    )
)


async def remember(work: UnitOfWork, hashes: Iterable[bytes], at: datetime) -> int:
    """From now on no event about them takes effect. Returns how many were not known yet."""
    return await work.execute(_remember, hashes=list(hashes), at=at)


async def known(reader: Reader) -> list[tuple[bytes, datetime]]:
    return [(bytes(row["hash"]), row["erase_time"]) for row in await reader.fetch(_all)]


async def was_erased(reader: Reader, key: str) -> bool:
    """Whether the id is that of an erased subject; what is no id is not."""
    try:
        wanted = hash_of(key)
    except ValueError:
        return False
    return await reader.fetch_value(_one, hash=wanted) is not None


async def rewrite(work: UnitOfWork, event: uuid.UUID, occurred: datetime, content: bytes) -> None:
    """Put another payload in the place of an event's. The database refuses it for whom nobody erased."""
    await work.execute(_rewrite, event=event, occurred=occurred, content=content)


# The app login may only add to the event log; this function, owned by the migration's login, is the one way to
# change what is in it, and works for events of erased subjects alone.
REWRITE_EVENT_SQL = """
CREATE OR REPLACE FUNCTION rewrite_event(event uuid, occurred timestamptz, content bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE event_log SET payload = content WHERE id = event AND occurred_at = occurred AND EXISTS (
        SELECT 1 FROM erased_subjects
        WHERE hash IN (sha256(uuid_send(party_id)), sha256(uuid_send(aggregate_id)))
    );
    IF NOT FOUND THEN
        RAISE EXCEPTION 'not an event of an erased subject: %', event USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN true;
END $$
"""
