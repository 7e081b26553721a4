"""Nobody gives more than what is granted to them: comparisons of grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from taproot_base.access import Grant, Scope
from taproot_base.context import current_call
from taproot_base.errors import AppError, Kind

# Members of Scope are written from the narrowest to the widest.
_WIDTH = {scope: width for width, scope in enumerate(Scope)}


class GrantExceedsCaller(AppError):
    kind = Kind.DENIED
    reason = "GRANT_EXCEEDS_CALLER"

    def __init__(self, permission: str) -> None:
        super().__init__(f"{permission} is not granted to you that far", permission=permission)


def covers(mine: Iterable[Grant], wanted: Grant) -> bool:
    """Whether one of `mine` permits all that `wanted` does. Patterns are compared as patterns."""
    return any(one.covers(wanted.permission) and _WIDTH[one.scope] >= _WIDTH[wanted.scope] for one in mine)


def require_covered(wanted: Iterable[Sequence[str]]) -> None:
    """Raises GrantExceedsCaller when a pair of permission and scope goes beyond the caller's own."""
    call = current_call()
    if call.principal.kind == "service":
        return
    mine = [grant for role in call.directory.roles_of(call.principal) for grant in role.grants]
    for permission, scope in wanted:
        if not covers(mine, Grant(permission, Scope(scope))):
            raise GrantExceedsCaller(permission)


def united(grants: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """One pair per permission, with its widest scope."""
    widest: dict[str, Scope] = {}
    for permission, text in grants:
        scope = Scope(text)
        if permission not in widest or _WIDTH[scope] > _WIDTH[widest[permission]]:
            widest[permission] = scope
    return sorted((permission, scope.value) for permission, scope in widest.items())
