"""Users and groups between SCIM's JSON and columns. Pure."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from taproot_gateway.scim.errors import InvalidValue
from taproot_gateway.scim.patches import ENTERPRISE
from taproot_gateway.users.model import ACTIVE

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_TEXTS = {
    "userName": "user_name",
    "externalId": "external_id",
    "displayName": "display_name",
    "title": "title",
    "preferredLanguage": "language_code",
    "timezone": "time_zone",
}


def user_json(
    row: Any, roles: Mapping[uuid.UUID, Any], teams: Mapping[uuid.UUID, Any], base: str
) -> dict[str, Any]:
    """`roles` and `teams`: rows by id."""
    found: dict[str, Any] = {
        "schemas": [USER, ENTERPRISE],
        "id": str(row["id"]),
        "active": row["state"] == ACTIVE,
    }
    found |= {name: row[column] for name, column in _TEXTS.items() if row[column]}
    found["name"] = {"formatted": row["display_name"]}
    if row["email"]:
        found["emails"] = [{"value": row["email"], "type": "work", "primary": True}]
    if row["phone"]:
        found["phoneNumbers"] = [{"value": row["phone"], "type": "work", "primary": True}]
    held = [roles[key] for key in row["role_ids"] if key in roles]
    found["roles"] = [{"value": role["code"], "display": role["display_name"]} for role in held]
    found["groups"] = [
        {"value": str(key), "display": teams[key]["display_name"], "$ref": f"{base}/Groups/{key}"}
        for key in row["team_ids"]
        if key in teams
    ]
    extension = {"employeeNumber": row["employee_number"]} if row["employee_number"] else {}
    if row["manager_id"]:
        extension["manager"] = {"value": str(row["manager_id"]), "$ref": f"{base}/Users/{row['manager_id']}"}
    if extension:
        found[ENTERPRISE] = extension
    return found | {"meta": _meta("User", row, f'W/"{row["version"]}"', base)}


def group_json(row: Any, members: Iterable[Any], base: str) -> dict[str, Any]:
    """`members`: rows of users. The version changes with the members too."""
    listed = sorted(
        (
            {
                "value": str(user["id"]),
                "display": user["display_name"],
                "type": "User",
                "$ref": f"{base}/Users/{user['id']}",
            }
            for user in members
        ),
        key=lambda member: member["value"],
    )
    digest = hashlib.blake2b("".join(one["value"] for one in listed).encode(), digest_size=6).hexdigest()
    found: dict[str, Any] = {"schemas": [GROUP], "id": str(row["id"]), "displayName": row["display_name"]}
    if row["external_id"]:
        found["externalId"] = row["external_id"]
    return found | {"members": listed, "meta": _meta("Group", row, f'W/"{row["version"]}-{digest}"', base)}


def _meta(kind: str, row: Any, version: str, base: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "created": row["create_time"].isoformat(),
        "lastModified": row["update_time"].isoformat(),
        "location": f"{base}/{kind}s/{row['id']}",
        "version": version,
    }


def user_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a whole user; what is absent becomes empty. Raises InvalidValue."""
    given = {name.lower(): value for name, value in body.items()}
    if given.get("password"):
        raise InvalidValue("passwords are not set by SCIM")
    values: dict[str, Any] = {column: _text(given, name) for name, column in _TEXTS.items()}
    if not values["user_name"]:
        raise InvalidValue("userName is required")
    values["display_name"] = values["display_name"] or _full_name(given.get("name")) or values["user_name"]
    values["language_code"] = values["language_code"] or _text(given, "locale")
    values["email"] = _primary(given.get("emails"), "emails")
    values["phone"] = _primary(given.get("phonenumbers"), "phoneNumbers")
    extension = given.get(ENTERPRISE.lower()) or {}
    if not isinstance(extension, dict):
        raise InvalidValue(f"{ENTERPRISE} is an object")
    inner = {name.lower(): value for name, value in extension.items()}
    values["employee_number"] = _text(inner, "employeeNumber")
    values["manager_id"] = _manager(inner.get("manager"))
    return values


def renamed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """One name is kept where SCIM has several: whichever of them was changed is the one that is meant."""
    found = dict(after)
    old, new = before.get("name"), found.get("name")
    if isinstance(new, dict) and new != old and found.get("displayName") == before.get("displayName"):
        found.pop("displayName", None)
        if isinstance(old, dict) and new.get("formatted") == old.get("formatted") and len(new) > 1:
            found["name"] = {name: value for name, value in new.items() if name != "formatted"}
    return found


def role_codes(body: Mapping[str, Any]) -> list[str] | None:
    """None when the body says nothing of roles."""
    listed = next((value for name, value in body.items() if name.lower() == "roles"), None)
    if listed is None:
        return None
    return [_member(one) for one in _items(listed, "roles")]


def is_active(body: Mapping[str, Any]) -> bool:
    """True unless said otherwise."""
    value = next((value for name, value in body.items() if name.lower() == "active"), True)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidValue("active is true or false")
    return value


def group_values(body: Mapping[str, Any]) -> tuple[dict[str, Any], set[uuid.UUID] | None]:
    """Columns of a whole group, and its members, None when the body says nothing of them."""
    given = {name.lower(): value for name, value in body.items()}
    values = {"display_name": _text(given, "displayName"), "external_id": _text(given, "externalId")}
    if not values["display_name"]:
        raise InvalidValue("displayName is required")
    if "members" not in given:
        return values, None
    return values, {_key(_member(one), "members") for one in _items(given["members"] or [], "members")}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name.lower())
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"{name} is a text")
    return (value or "").strip()


def _full_name(name: Any) -> str:
    if not isinstance(name, dict):
        return ""
    given = {key.lower(): value for key, value in name.items() if isinstance(value, str)}
    parts = (given.get("givenname", ""), given.get("familyname", ""))
    return given.get("formatted") or " ".join(part for part in parts if part)


def _primary(listed: Any, name: str) -> str:
    """The primary value of a list, else the first: one is kept."""
    items = [one if isinstance(one, dict) else {"value": one} for one in _items(listed or [], name)]
    chosen = next(
        (one for one in items if one.get("primary") in (True, "true", "True")), items[0] if items else {}
    )
    return _text({"value": chosen.get("value")}, "value")


def _manager(value: Any) -> uuid.UUID | None:
    found = value.get("value") if isinstance(value, dict) else value
    return _key(str(found), "manager") if found else None


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidValue(f"{name} is a list")
    return value


def _member(one: Any) -> str:
    return str(one.get("value", "") if isinstance(one, dict) else one)


def _key(text: str, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidValue(f"{text} is no id, in {name}") from None
