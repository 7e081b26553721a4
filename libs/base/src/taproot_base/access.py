"""What a caller may do and how far: roles, scopes and masks from the projection of identity events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from taproot_base.auth import Principal
from taproot_base.custom import CustomRules
from taproot_base.errors import PermissionDenied, Unavailable

NOBODY = "00000000-0000-0000-0000-000000000000"
_SHARE_LEVELS = {"read": ("read", "write"), "respond": ("read", "write"), "update": ("write",)}
"""Verb -> levels of a share that let its holder do it. Whatever else there is to do stays with the record's own."""


class Scope(Enum):
    OWN = "own"
    TEAM = "team"
    BRANCH = "branch"
    BRANCH_AND_BELOW = "branch_and_below"
    ALL = "all"


@dataclass(frozen=True)
class Grant:
    permission: str
    scope: Scope

    def covers(self, permission: str) -> bool:
        resource, _, verb = permission.partition(".")
        own_resource, _, own_verb = self.permission.partition(".")
        return self.permission == "*" or (own_resource in ("*", resource) and own_verb in ("*", verb))


@dataclass(frozen=True)
class Role:
    id: str
    version: int
    grants: tuple[Grant, ...]
    masked: frozenset[str] = frozenset()
    """Sensitivity classes (`personal`) and field paths (`resource.field`) hidden from the role."""


@dataclass(frozen=True)
class Branch:
    id: str
    path: str
    time_zone: str
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reach:
    """The rows of a resource a caller reaches: the union of its parts. Paths are branch paths."""

    everything: bool = False
    owner_id: str = NOBODY
    team_ids: tuple[str, ...] = ()
    branch_paths: tuple[str, ...] = ()
    subtrees: tuple[str, ...] = ()
    party_id: str = NOBODY
    share_levels: tuple[str, ...] = ()
    """Levels of single shares that count, where a table's shares have levels."""

    @property
    def subtree_ends(self) -> tuple[str, ...]:
        return tuple(subtree_end(path) for path in self.subtrees)

    def covers(self, other: Reach) -> bool:
        """Whether it goes as far as another of the same caller. A portal's reach covers nothing but its own."""
        if self.everything:
            return True
        if other.everything or NOBODY not in (self.party_id, other.party_id):
            return False
        subtrees = self.subtrees or not other.subtrees
        branches = self.subtrees or self.branch_paths or not other.branch_paths
        return bool(subtrees and branches and (self.team_ids or not other.team_ids))

    def covers_path(self, path: str) -> bool:
        if self.everything or path in self.branch_paths:
            return True
        return any(path.startswith(subtree) for subtree in self.subtrees)


@dataclass(frozen=True)
class MixedReach:
    """How far a caller reaches into rows of many resources: for each part the permissions it holds for."""

    granted: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()
    by_team: tuple[str, ...] = ()
    by_branch: tuple[str, ...] = ()
    by_subtree: tuple[str, ...] = ()
    owner_id: str = NOBODY
    team_ids: tuple[str, ...] = ()
    branch_paths: tuple[str, ...] = ()
    subtrees: tuple[str, ...] = ()

    @property
    def subtree_ends(self) -> tuple[str, ...]:
        return tuple(subtree_end(path) for path in self.subtrees)

    @classmethod
    def of(cls, reaches: Mapping[str, Reach]) -> MixedReach:
        """`reaches`: permission -> reach, of one caller."""

        def where(part: Callable[[Reach], object]) -> tuple[str, ...]:
            return tuple(permission for permission, reach in reaches.items() if part(reach))

        def first(part: Callable[[Reach], tuple[str, ...]]) -> tuple[str, ...]:
            return next((found for reach in reaches.values() if (found := part(reach))), ())

        owners = {reach.owner_id for reach in reaches.values()} - {NOBODY}
        return cls(
            granted=where(lambda r: r.everything or r.owner_id != NOBODY),
            everything=where(lambda r: r.everything),
            by_team=where(lambda r: r.team_ids),
            by_branch=where(lambda r: r.branch_paths),
            by_subtree=where(lambda r: r.subtrees),
            owner_id=next(iter(owners), NOBODY),
            team_ids=first(lambda r: r.team_ids),
            branch_paths=first(lambda r: r.branch_paths),
            subtrees=first(lambda r: r.subtrees),
        )


def subtree_end(path: str) -> str:
    """First path behind the subtree: `/hq/e/` -> `/hq/e0` ('0' follows '/' in ASCII)."""
    return path[:-1] + "0"


class AccessDirectory:
    """Roles and branches known to this process. `AccessStore` keeps it fresh from the database."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.branches: dict[str, Branch] = {}
        self.paths: dict[str, Branch] = {}
        self.custom: CustomRules | None = None
        """Fields of the enterprise's own; None where there are none, as in a test of a library."""
        self._reaches: dict[tuple[Principal, str], Reach | None] = {}
        self._mixed: dict[tuple[Principal, frozenset[str]], MixedReach] = {}

    def replace(self, roles: Iterable[Role], branches: Iterable[Branch]) -> None:
        self.roles = {role.id: role for role in roles}
        self.branches = {branch.id: branch for branch in branches}
        self.paths = {branch.path: branch for branch in self.branches.values()}
        self._reaches.clear()
        self._mixed.clear()

    def roles_of(self, principal: Principal) -> list[Role]:
        """Roles of the caller; a role newer than this service knows answers UNAVAILABLE, never a guess."""
        found = []
        for reference in principal.roles:
            role = self.roles.get(reference.id)
            if role is None or role.version < reference.version:
                raise Unavailable("the caller's role has not reached this service yet; try again")
            found.append(role)
        return found

    def reach(self, principal: Principal, permission: str) -> Reach | None:
        """How far the caller's roles carry a permission; None when they do not grant it."""
        key = (principal, permission)
        if key not in self._reaches:
            if len(self._reaches) > 20_000:
                self._reaches.clear()
            self._reaches[key] = self._compute(principal, permission)
        return self._reaches[key]

    def mixed_reach(self, principal: Principal, permissions: frozenset[str]) -> MixedReach:
        """The caller's reach of each of the permissions at once."""
        key = (principal, permissions)
        if key not in self._mixed:
            if len(self._mixed) > 5_000:
                self._mixed.clear()
            found = {permission: self.reach(principal, permission) for permission in sorted(permissions)}
            self._mixed[key] = MixedReach.of({name: reach for name, reach in found.items() if reach})
        return self._mixed[key]

    def _compute(self, principal: Principal, permission: str) -> Reach | None:
        if principal.kind == "service":
            return Reach(everything=True)
        if principal.kind == "portal":
            return Reach(party_id=principal.party_id or NOBODY)
        scopes = {
            grant.scope
            for role in self.roles_of(principal)
            for grant in role.grants
            if grant.covers(permission)
        }
        if not scopes:
            return None
        paths = tuple(path for path in (principal.branch_path, *principal.other_paths) if path)
        return Reach(
            everything=Scope.ALL in scopes,
            owner_id=principal.subject if principal.kind == "user" else NOBODY,
            team_ids=principal.teams if scopes & {Scope.TEAM, Scope.BRANCH, Scope.BRANCH_AND_BELOW} else (),
            branch_paths=paths if Scope.BRANCH in scopes else (),
            subtrees=paths if Scope.BRANCH_AND_BELOW in scopes else (),
            share_levels=_SHARE_LEVELS.get(permission.rpartition(".")[2], ()),
        )

    def require(self, principal: Principal, permission: str) -> Reach:
        reach = self.reach(principal, permission)
        if reach is None:
            raise PermissionDenied(f"this needs the permission {permission}", permission=permission)
        return reach

    def require_typed(self, principal: Principal, permission: str) -> None:
        """For records whose types are granted one by one: of all types, or of any."""
        resource, _, verb = permission.partition(".")
        if self.reach(principal, permission) is None and not any(
            grant.permission.startswith(f"{resource}_") and grant.permission.rpartition(".")[2] in (verb, "*")
            for role in self.roles_of(principal)
            for grant in role.grants
        ):
            raise PermissionDenied(f"this needs the permission {permission}", permission=permission)

    def masked(self, principal: Principal) -> frozenset[str]:
        """What is hidden from the caller: only what every one of its roles hides."""
        if principal.kind != "user" or not principal.roles:
            return frozenset()
        return frozenset.intersection(*(role.masked for role in self.roles_of(principal)))

    def branches_below(self, path: str) -> list[str]:
        return sorted(known for known in self.paths if known.startswith(path))
