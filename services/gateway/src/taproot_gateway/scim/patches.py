"""PATCH of SCIM (RFC 7644, 3.5.2): operations applied to a resource's JSON. Pure.

Read leniently, as directories write it: names in any case, `"True"` for true, members to remove given as a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from taproot_gateway.scim.errors import Immutable, InvalidPath, InvalidSyntax, InvalidValue, NoTarget
from taproot_gateway.scim.filters import Compare, Filter, fits, parse

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_CORE = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:\w+:?", re.IGNORECASE)
_PATH = re.compile(r"([\w$-]+)(?:\[(.*)\])?(?:\.([\w$-]+))?", re.DOTALL)
_MOST_OPERATIONS = 1000
READ_ONLY = frozenset({"id", "meta", "schemas", "groups"})
LISTS = frozenset({"emails", "phonenumbers", "roles", "members"})


def apply(resource: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The resource changed in place. Raises ScimError; then nothing of it may be stored."""
    listed = _find(body, "operations")
    operations = body.get(listed) if listed else None
    if not isinstance(operations, list) or not 0 < len(operations) <= _MOST_OPERATIONS:
        raise InvalidSyntax(f"Operations holds 1 to {_MOST_OPERATIONS} operations")
    for operation in operations:
        if not isinstance(operation, dict):
            raise InvalidSyntax("an operation is an object")
        fields = {str(name).lower(): value for name, value in operation.items()}
        kind = str(fields.get("op", "")).lower()
        if kind not in ("add", "replace", "remove"):
            raise InvalidSyntax("op is add, replace or remove")
        _one(resource, kind, str(fields.get("path") or ""), fields.get("value"))
    return resource


def _one(resource: dict[str, Any], kind: str, path: str, value: Any) -> None:
    path = _CORE.sub("", path.strip(), count=1)
    if not path:
        _whole(resource, kind, value)
    elif path.lower().startswith(ENTERPRISE.lower()):
        _at(resource.setdefault(ENTERPRISE, {}), kind, path[len(ENTERPRISE) :].lstrip(":"), value)
    else:
        _at(resource, kind, path, value)


def _whole(resource: dict[str, Any], kind: str, value: Any) -> None:
    if kind == "remove":
        raise NoTarget("remove needs a path")
    if not isinstance(value, dict):
        raise InvalidValue("without a path the value is an object")
    for name, one in value.items():
        if name.lower() != "schemas":
            _one(resource, kind, name, one)


def _at(target: dict[str, Any], kind: str, path: str, value: Any) -> None:
    if not path:
        _whole(target, kind, value)
        return
    match = _PATH.fullmatch(path)
    if match is None:
        raise InvalidPath(f"{path} cannot be read")
    name, condition, sub = match.groups()
    if name.lower() in READ_ONLY:
        raise Immutable(name)
    key = _find(target, name) or name
    if condition is not None:
        _selected(target, key, kind, parse(condition), sub, value)
    elif sub is not None:
        _part(target, key, kind, sub, value)
    else:
        _simple(target, key, kind, value)


def _simple(target: dict[str, Any], key: str, kind: str, value: Any) -> None:
    held = target.get(key)
    is_list = isinstance(held, list) or key.lower() in LISTS
    if kind == "remove" and is_list:  # an empty list says more than none: nothing is left
        target[key] = [one for one in held or [] if value is not None and not _listed(one, value)]
    elif kind == "remove":
        target.pop(key, None)
    elif is_list:
        given = value if isinstance(value, list) else [value]
        before = list(held or []) if kind == "add" else []
        target[key] = before + [one for one in given if not _listed(one, before)]
    elif isinstance(held, dict) and isinstance(value, dict):
        held.update({_find(held, name) or name: one for name, one in value.items()})
    else:
        target[key] = value


def _part(target: dict[str, Any], key: str, kind: str, sub: str, value: Any) -> None:
    """`name.givenName`, or `emails.value` of every value."""
    held = target.get(key)
    if isinstance(held, list):
        for item in held:
            _set(item, kind, sub, value)
    elif kind != "remove" or isinstance(held, dict):
        if not isinstance(held, dict):
            held = target[key] = {}
        _set(held, kind, sub, value)


def _selected(
    target: dict[str, Any], key: str, kind: str, condition: Filter, sub: str | None, value: Any
) -> None:
    held = target.get(key)
    items = held if isinstance(held, list) else []
    chosen = [item for item in items if fits(condition, item)]
    if not chosen and kind == "add":
        chosen = [_made(condition)]
        items = target[key] = [*items, *chosen]
    if not chosen:
        raise NoTarget(f"no value of {key} fits")
    if kind == "remove" and sub is None:
        target[key] = [item for item in items if item not in chosen]
        return
    for item in chosen:
        if sub is not None:
            _set(item, kind, sub, value)
        elif isinstance(value, dict):
            item.update(value)
        else:
            raise InvalidValue(f"a value of {key} is an object")


def _made(condition: Filter) -> dict[str, Any]:
    """The value that `[type eq "work"]` describes."""
    if not isinstance(condition, Compare) or condition.operator != "eq":
        raise NoTarget("no value fits")
    return {condition.path: condition.value}


def _set(item: Any, kind: str, sub: str, value: Any) -> None:
    if not isinstance(item, dict):
        raise InvalidPath(f"there is no {sub} here")
    key = _find(item, sub) or sub
    if kind == "remove":
        item.pop(key, None)
    else:
        item[key] = value


def _find(holder: Mapping[str, Any], name: str) -> str | None:
    return next((key for key in holder if key.lower() == name.lower()), None)


def _listed(one: Any, among: Any) -> bool:
    """By `value`, where there is one."""
    others: Sequence[Any] = among if isinstance(among, list) else [among]
    return any(_identity(one) == _identity(other) for other in others)


def _identity(one: Any) -> Any:
    return one.get("value", one) if isinstance(one, dict) else one
