"""Reads of shares and the statements that keep them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Uuid, any_, bindparam, exists, func, insert, select, update

from taproot.customer.v1 import customer_share_pb2 as pb
from taproot_base.errors import NotFound
from taproot_customer.customers.model import Customer, customer_access
from taproot_customer.reading import column_names
from taproot_customer.sharing.model import ACTIVE, customer_shares
from taproot_listing.fields import Field, FieldType, Resource
from taproot_records.mapping import literals
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.redirects import keys_of, root_of
from taproot_storage.schema import identity_users
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped, visible

_s, _a, _c = customer_shares.c, customer_access.c, Customer.__table__.c
_IDS = ("id", "customer_id", "user_id", "team_id", "branch_id")
_TEXTS = ("reason", "creator_id", "ender_id", "end_reason")

SHARES = Resource(
    "customer_share",
    [
        *(Field(name, _s[name], FieldType.ID, sortable=False) for name in _IDS),
        Field("level", _s.level, FieldType.ENUM, enum=literals(pb.CustomerShareLevel.DESCRIPTOR)),
        Field("state", _s.state, FieldType.ENUM, enum=literals(pb.CustomerShareState.DESCRIPTOR)),
        *(Field(name, _s[name], FieldType.TEXT) for name in _TEXTS),
        *(Field(name, _s[name], FieldType.INSTANT) for name in ("expire_time", "create_time", "end_time")),
    ],
    default_order="create_time desc",
    id_column=_s.id,
)

_customer = bindparam("customer", type_=Uuid())
_add = Statement(
    lambda: insert(customer_shares).values({n: bindparam(n) for n in column_names(customer_shares)})
)
_end = Statement(
    lambda: (
        update(customer_shares)
        .where(_s.id == bindparam("key"))
        .values({name: bindparam(f"new_{name}") for name in ("state", "end_time", "ender_id", "end_reason")})
        .returning(*_s)
    )
)
_active = Statement(
    lambda: (
        select(customer_shares)
        .where(_s.customer_id == func.any(keys_of(_customer)), _s.state == ACTIVE)
        .order_by(_s.create_time, _s.id)
    )
)
_team = Statement(
    lambda: select(
        exists().where(
            identity_users.c.active, bindparam("team", type_=Uuid()) == any_(identity_users.c.team_ids)
        )
    )
)


async def see_customer(reader: Reader, customer_id: uuid.UUID) -> None:
    """Raises NotFound unless the caller sees the customer, or the survivor of a merged one."""
    wanted = select(_c.id).where(_c.id == root_of(customer_id), visible(Customer))
    if await reader.fetch_row(wanted) is None:
        raise NotFound("customer", customer_id)


def listed(customer_id: uuid.UUID) -> Any:
    """Of a customer the caller sees, and of those merged into it."""
    home = _c.id == root_of(customer_id)
    return select(customer_shares).join(
        Customer.__table__, home & (_s.customer_id == func.any(keys_of(customer_id)))
    )


async def read_share(reader: Reader, key: uuid.UUID) -> Any:
    """A share of a customer the caller sees. Raises NotFound."""
    wanted = (
        select(customer_shares)
        .join(Customer.__table__, _c.id == root_of(_s.customer_id))
        .where(_s.id == key, visible(Customer))
    )
    row = await reader.fetch_row(wanted)
    if row is None:
        raise NotFound("customer_share", key)
    return row


async def active_shares(reader: Reader, customer_id: uuid.UUID) -> list[Any]:
    """Those that hold for a customer, its members' too."""
    return await reader.fetch(_active, customer=customer_id)


async def add_share(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    await work.execute(_add, **values)


async def end_share(
    work: UnitOfWork, key: uuid.UUID, state: str, at: datetime, ender_id: str, reason: str
) -> Any:
    """The share as it is then."""
    return await work.fetch_row(
        _end, key=key, new_state=state, new_end_time=at, new_ender_id=ender_id, new_end_reason=reason
    )


async def is_team(reader: Reader, team_id: uuid.UUID) -> bool:
    """A team is known here by its members."""
    return bool(await reader.fetch_value(_team, team=team_id))


def due(now: datetime, limit: int) -> Any:
    """Customers with a share whose time has run out; locked, but for those somebody is at work on."""
    over = select(_a.customer_id).where(_a.expire_time <= now)
    return (
        select(Customer)
        .where(_c.id.in_(over), unscoped(Customer, "shares end by themselves in every branch"))
        .order_by(_c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Customer.__table__)
    )
