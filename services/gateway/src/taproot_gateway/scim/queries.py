"""SQL of SCIM: its filters over users and teams, pages by position as its clients ask for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, and_, cast, false, func, not_, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, array

from taproot_gateway.scim.errors import InvalidFilter
from taproot_gateway.scim.filters import Both, Compare, Either, Filter, Not, Within
from taproot_gateway.teams.model import Team
from taproot_gateway.users.model import ACTIVE, STAFF, User
from taproot_storage.database import Reader
from taproot_storage.visibility import unscoped, visible

_u, _t = User.__table__.c, Team.__table__.c
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Attribute:
    """`folded`: the column already holds the text without regard to case."""

    column: Any
    kind: str = "text"
    folded: bool = False


_USERS: Mapping[str, Attribute] = {
    "id": Attribute(_u.id, "id"),
    "username": Attribute(_u.name_key, folded=True),
    "externalid": Attribute(_u.external_id, "exact"),
    "displayname": Attribute(_u.display_name),
    "name.formatted": Attribute(_u.display_name),
    "title": Attribute(_u.title),
    "preferredlanguage": Attribute(_u.language_code),
    "timezone": Attribute(_u.time_zone),
    "active": Attribute(_u.state == ACTIVE, "boolean"),
    "emails": Attribute(_u.email_key, folded=True),
    "emails.value": Attribute(_u.email_key, folded=True),
    "phonenumbers": Attribute(_u.phone),
    "phonenumbers.value": Attribute(_u.phone),
    "groups": Attribute(_u.team_ids, "ids"),
    "groups.value": Attribute(_u.team_ids, "ids"),
    "employeenumber": Attribute(_u.employee_number),
    "meta.created": Attribute(_u.create_time, "instant"),
    "meta.lastmodified": Attribute(_u.update_time, "instant"),
}
_MEMBER = select(_u.id).where(_u.team_ids.contains(array([_t.id])), _u.delete_time.is_(None))
_GROUPS: Mapping[str, Attribute] = {
    "id": Attribute(_t.id, "id"),
    "externalid": Attribute(_t.external_id, "exact"),
    "displayname": Attribute(_t.display_name),
    "members": Attribute(_t.id, "member"),
    "members.value": Attribute(_t.id, "member"),
    "meta.created": Attribute(_t.create_time, "instant"),
    "meta.lastmodified": Attribute(_t.update_time, "instant"),
}
# Said of every value of a list; compared where the filter asks for them.
_FIXED: Mapping[str, Any] = {
    "emails.type": "work", "emails.primary": True, "phonenumbers.type": "work", "members.type": "User",
}  # fmt: skip


def users(found: Filter | None) -> Select[Any]:
    return select(User.__table__).where(
        visible(User), _u.delete_time.is_(None), _u.kind == STAFF, *_conditions(found, _USERS)
    )


def groups(found: Filter | None) -> Select[Any]:
    return select(Team.__table__).where(visible(Team), _t.delete_time.is_(None), *_conditions(found, _GROUPS))


def ordered(rows: Select[Any], kind: str, path: str, *, descending: bool) -> Select[Any]:
    """By an attribute, and always by id in the end, so that pages fit together."""
    table, known = (_u, _USERS) if kind == "Users" else (_t, _GROUPS)
    if not path:
        return rows.order_by(table.id)
    attribute = known.get(path)
    if attribute is None or attribute.kind not in ("text", "exact", "instant", "boolean"):
        raise InvalidFilter(f"{path} cannot be sorted by")
    column = attribute.column
    return rows.order_by(column.desc() if descending else column, table.id)


async def page(reader: Reader, rows: Select[Any], start: int, count: int) -> tuple[list[Any], int]:
    """Rows from a position, counted from 1, and how many there are in all."""
    total = await reader.fetch_value(select(func.count()).select_from(rows.order_by(None).subquery()))
    found = await reader.fetch(rows.offset(start - 1).limit(count)) if count else []
    return list(found), int(total)


async def members_of(reader: Reader, keys: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Any]]:
    """Rows of users by team."""
    wanted = list(keys)
    among = _u.team_ids.overlap(cast(wanted, ARRAY(Uuid)))
    rows = await reader.fetch(select(User.__table__).where(visible(User), among, _u.delete_time.is_(None)))
    return {key: [row for row in rows if key in row["team_ids"]] for key in wanted}


async def teams_of(reader: Reader, rows: Iterable[Any]) -> dict[uuid.UUID, Any]:
    """The teams of users, by id."""
    keys = sorted({key for row in rows for key in row["team_ids"]})
    if not keys:
        return {}
    named = unscoped(Team, "the names of a user's teams belong to the user's record")
    found = await reader.fetch(select(Team.__table__).where(_t.id.in_(keys), _t.delete_time.is_(None), named))
    return {row["id"]: row for row in found}


def _conditions(found: Filter | None, known: Mapping[str, Attribute]) -> list[Condition]:
    return [_compiled(found, known, "")] if found is not None else []


def _compiled(found: Filter, known: Mapping[str, Attribute], prefix: str) -> Condition:
    match found:
        case Both(parts):
            return and_(*(_compiled(part, known, prefix) for part in parts))
        case Either(parts):
            return or_(*(_compiled(part, known, prefix) for part in parts))
        case Not(part):
            return not_(_compiled(part, known, prefix))
        case Within(path, part):
            return _compiled(part, known, f"{path}.")
        case Compare(path, operator, value):
            return _comparison(prefix + path, operator, value, known)


def _comparison(path: str, operator: str, value: Any, known: Mapping[str, Attribute]) -> Condition:
    if path in _FIXED:
        same = str(value).casefold() == str(_FIXED[path]).casefold()
        return true() if operator == "pr" or same == (operator == "eq") else false()
    attribute = known.get(path)
    if attribute is None:
        raise InvalidFilter(f"{path} is no attribute that can be filtered by")
    return _KINDS[attribute.kind](attribute, operator, value)


def _text(attribute: Attribute, operator: str, value: Any) -> Condition:
    column: Any = cast(attribute.column, Text)
    if operator == "pr":
        held: Condition = column != ""
        return held
    if value is None:
        empty: Condition = column == ""
        return {"eq": empty, "ne": not_(empty)}.get(operator, false())
    wanted = str(value)
    if attribute.kind == "text":
        wanted = wanted.casefold()
        column = column if attribute.folded else func.lower(column)
    if operator in ("co", "sw", "ew"):
        method = {"co": "contains", "sw": "startswith", "ew": "endswith"}[operator]
        found: Condition = getattr(column, method)(wanted, autoescape=True)
        return found
    return _ordered(column, operator, wanted)


def _boolean(attribute: Attribute, operator: str, value: Any) -> Condition:
    if operator == "pr":
        return true()
    if operator not in ("eq", "ne") or not isinstance(value, bool):
        raise InvalidFilter("a boolean is compared by eq or ne with true or false")
    held: Condition = attribute.column
    return held if value == (operator == "eq") else not_(held)


def _instant(attribute: Attribute, operator: str, value: Any) -> Condition:
    if operator == "pr":
        return true()
    try:
        wanted = datetime.fromisoformat(str(value))
    except ValueError:
        raise InvalidFilter(f"{value} is no instant") from None
    if wanted.tzinfo is None or operator in ("co", "sw", "ew"):
        raise InvalidFilter("an instant has a time zone and is compared by eq, ne, gt, ge, lt or le")
    return _ordered(attribute.column, operator, wanted)


def _id(attribute: Attribute, operator: str, value: Any) -> Condition:
    if operator == "pr":
        return true()
    return _by_key(operator, value, lambda key: attribute.column == key)


def _ids(attribute: Attribute, operator: str, value: Any) -> Condition:
    if operator == "pr":
        return func.cardinality(attribute.column) > 0
    return _by_key(operator, value, lambda key: attribute.column.contains(array([key], type_=Uuid)))


def _member(_attribute: Attribute, operator: str, value: Any) -> Condition:
    inside = _MEMBER.where(visible(User)).correlate(Team.__table__)
    if operator == "pr":
        return inside.exists()
    return _by_key(operator, value, lambda key: inside.where(_u.id == key).exists())


def _by_key(operator: str, value: Any, make: Callable[[uuid.UUID], Condition]) -> Condition:
    if operator not in ("eq", "ne"):
        raise InvalidFilter("an id is compared by eq or ne")
    try:
        found = make(uuid.UUID(str(value)))
    except ValueError:
        found = false()
    return found if operator == "eq" else not_(found)


def _ordered(column: Any, operator: str, wanted: Any) -> Condition:
    found: dict[str, Condition] = {
        "eq": column == wanted,
        "ne": column != wanted,
        "gt": column > wanted,
        "ge": column >= wanted,
        "lt": column < wanted,
        "le": column <= wanted,
    }
    return found[operator]


_KINDS: Mapping[str, Callable[[Attribute, str, Any], Condition]] = {
    "text": _text, "exact": _text, "boolean": _boolean, "instant": _instant, "id": _id, "ids": _ids, "member": _member,
}  # fmt: skip
