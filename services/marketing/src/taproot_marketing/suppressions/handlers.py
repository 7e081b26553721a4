"""Use cases of suppressions and unsubscribing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_marketing.suppressions import queries
from taproot_marketing.suppressions.model import Suppression, UnsubscribeTokenInvalid
from taproot_marketing.tokens import InvalidTokenError, Signer
from taproot_records.writing import discard, load
from taproot_storage.database import Reader, UnitOfWork

PURPOSE = "unsubscribe"


@dataclass(frozen=True, slots=True)
class Cause:
    """The message that led to a suppression."""

    delivery_id: uuid.UUID
    customer_id: uuid.UUID | None


async def suppress(
    address: str,
    reason: str,
    work: UnitOfWork,
    *,
    cause: Cause | None = None,
    proof: str = "",
    note: str = "",
) -> Suppression:
    """Put an address on the list, or make the reason graver; a repeat changes nothing."""
    known = await queries.find(work, address)
    if known is not None:
        found = await load(work, Suppression, known)
        found.aggravate(reason, proof, work.clock.now())
        return found
    made = Suppression.create(new_id(), address, reason, work.clock.now())
    made.delivery_id = cause.delivery_id if cause else None
    known_customer = cause.customer_id if cause else None
    made.customer_id = known_customer or await queries.customer_of(work, address)
    made.note = note
    made.tell(proof, work.clock.now())
    await work.add(made)
    await work.flush()
    return made


async def create_suppression(values: dict[str, Any], work: UnitOfWork) -> Suppression:
    if not values.get("address"):
        raise InvalidArgument([("suppression.address", "must be given")])
    return await suppress(values["address"], "manual", work, note=values.get("note", ""))


async def delete_suppression(key: str, etag: str, work: UnitOfWork) -> Suppression:
    suppression = await load(work, Suppression, key, etag)
    consented = await queries.consented_since(work, suppression.customer_id, suppression.update_time)
    suppression.lift(work.clock.now(), consented_since=consented)
    await discard(work, suppression)
    return suppression


# ---------------------------------------------------------------- the reader's own way out


def unsubscribe_url(signer: Signer, public_url: str, delivery_id: uuid.UUID, now: datetime) -> str:
    """The link of a mail. It does not expire: a reader may use it years later."""
    return f"{public_url.rstrip('/')}/v1/unsubscribe/{signer.sign(PURPOSE, str(delivery_id), now)}"


async def behind_link(token: str, signer: Signer, reader: Reader) -> Any:
    """The delivery behind a link: (id, row). Raises UnsubscribeTokenInvalid."""
    try:
        subject, _signed = signer.read(PURPOSE, token)
    except InvalidTokenError as error:
        raise UnsubscribeTokenInvalid from error
    row = await queries.delivery_behind(reader, uuid.UUID(subject))
    if row is None or not row["recipient"]:
        raise UnsubscribeTokenInvalid
    return uuid.UUID(subject), row


async def unsubscribe(token: str, how: str, signer: Signer, work: UnitOfWork) -> Any:
    """The address behind the link gets no more mail; the event withdraws the consent. Repeats are harmless."""
    delivery_id, row = await behind_link(token, signer, work)
    now = work.clock.now()
    proof = f"{now.isoformat()} {how}, link of delivery {delivery_id}"

    cause = Cause(delivery_id, row["customer_id"])
    await suppress(row["recipient"], "unsubscribed", work, cause=cause, proof=proof)
    return row
