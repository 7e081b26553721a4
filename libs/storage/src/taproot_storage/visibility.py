"""Visibility, decided once: which rows of a scoped table a caller may touch.

A table declares itself with `scope_table`. `visible(table)` is the predicate for statements by key,
`visibility_arms(table)` the same as separate arms for lists. The compiler (see dialect.py) refuses a
statement that touches a scoped table without one of them or an `unscoped(table, reason)`.
Row-level-security policies come from the same declarations (see policies.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.access import NOBODY, Reach
from taproot_base.context import current_call, current_call_or_none
from taproot_base.errors import PermissionDenied
from taproot_storage.redirects import keys_of

MAX_EXACT_BRANCHES = 64
Value = Callable[[str, Any, Callable[[Any], Any]], ColumnElement[Any]]
"""Renders a part of a caller's reach: its name, its type, how to read it."""


@dataclass(frozen=True)
class ScopeRule:
    """How rows of one table belong to owners, teams, branches and outside parties.

    A party reaches what belongs to any key of its record: the survivor's and those merged into it.
    """

    table: Table
    permission: str
    owner: Column[Any] | None
    team: Column[Any] | None
    branch: Column[Any] | None
    party: Column[Any] | None
    shares: Table | None
    shares_key: Column[Any] | None
    members: Column[Any] | None = None

    @property
    def resource(self) -> str:
        return self.permission.partition(".")[0]

    @property
    def key(self) -> str:
        return self.permission

    def told(self) -> dict[str, Any]:
        reach = current_reach(self)
        return {
            "all": reach.everything,
            "owner": reach.owner_id,
            "teams": list(reach.team_ids),
            "branches": list(reach.branch_paths),
            "low": list(reach.subtrees),
            "high": list(reach.subtree_ends),
            "party": reach.party_id,
            "levels": list(reach.share_levels),
        }

    def condition(self, value: Value) -> ColumnElement[bool]:
        return predicate(self, value)


class Rule(Protocol):
    """What the guard, the policies and the moving of branches need to know of a scoped table."""

    @property
    def table(self) -> Table: ...

    @property
    def branch(self) -> Column[Any] | None: ...

    @property
    def key(self) -> str:
        """Names the caller's reach among all that is told to the policies."""

    def told(self) -> dict[str, Any]:
        """The current caller's reach as the policies read it."""

    def condition(self, value: Value) -> ColumnElement[bool]:
        """The policy's condition; `value` renders a part of what is told."""


_rules: dict[Table, Rule] = {}


def scope_table(
    table: Any,
    permission: str,
    *,
    owner: str | None = "owner_id",
    team: str | None = None,
    branch: str | None = "branch_path",
    party: str | None = None,
    shares: Table | None = None,
    members: str | None = None,
) -> None:
    """Declare a table as scoped. `permission` is the one that reads it, such as `things.read`.

    `shares` names a table `(<key>, branch_path, owner_id, team_id)` of rows that let others in;
    its first column refers to this table's id. With a column `level` a row lets in only for the verbs of that
    level, with `expire_time` only until then.
    `members` names an array of users, each of whom it lets in like a share of the level `read`.
    """
    target: Table = getattr(table, "__table__", table)

    def column(name: str | None) -> Column[Any] | None:
        return None if name is None else target.c[name]

    key = None if shares is None else next(iter(shares.c))
    places = (column(owner), column(team), column(branch), column(party))
    declare(ScopeRule(target, permission, *places, shares, key, column(members)))


def declare(rule: Rule) -> None:
    _rules[rule.table] = rule


def scope_rules() -> dict[Table, Rule]:
    return _rules


def is_scoped(table: Any) -> bool:
    return getattr(table, "__table__", table) in _rules


class VisibilityClause(ColumnElement[bool]):
    """A predicate that tells the compiler for which table visibility was decided."""

    __visit_name__ = "visibility"
    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012  # SQLAlchemy's form
        ("table_name", visitors.InternalTraversal.dp_string),
        ("clause", visitors.InternalTraversal.dp_clauseelement),
        ("waived", visitors.InternalTraversal.dp_boolean),
    ]

    def __init__(self, table_name: str, clause: ColumnElement[bool], *, waived: bool = False) -> None:
        self.table_name = table_name
        self.clause = clause
        self.waived = waived
        self.type = Boolean()


def current_reach(rule: ScopeRule) -> Reach:
    """The caller's reach: by the method's own permission when it is about this resource, else by reading."""
    call = current_call_or_none()
    if call is None:
        return Reach()  # outside any call nothing is visible
    if rule.resource in call.reaches:
        return call.reaches[rule.resource]
    same = call.permission.partition(".")[0] == rule.resource
    reach = call.directory.reach(call.principal, call.permission if same else rule.permission)
    return reach or Reach()


def _bound(rule: ScopeRule, *, by_key: bool) -> Value:
    def value(name: str, kind: Any, read: Callable[[Reach], Any]) -> ColumnElement[Any]:
        bound: ColumnElement[Any] = bindparam(
            f"reach_{rule.resource}_{name}", type_=kind, callable_=lambda: read(current_reach(rule))
        )
        return select(bound).scalar_subquery() if by_key and name == "all" else bound

    return value


def predicate(rule: ScopeRule, value: Value) -> ColumnElement[bool]:
    arms: list[ColumnElement[bool]] = [value("all", Boolean(), lambda r: r.everything)]
    arms += _arms_over(rule.owner, rule.team, rule.branch, value)
    if rule.party is not None:
        arms.append(rule.party == func.any(keys_of(value("party", Uuid(), lambda r: r.party_id))))
    if rule.shares is not None and rule.shares_key is not None:
        columns = rule.shares.c
        inner = _arms_over(columns.owner_id, columns.team_id, columns.branch_path, value)
        shared = select(1).where(rule.shares_key == rule.table.c.id, or_(*inner), *_holding(columns, value))
        arms.append(exists(shared.correlate(rule.table)))
    if rule.members is not None:
        levels = value("levels", ARRAY(Text()), lambda r: list(r.share_levels))
        mine = value("owner", Uuid(), lambda r: r.owner_id) == func.any(rule.members)
        read: ColumnElement[str] = literal_column("'read'", Text())
        arms.append(and_(read == func.any(levels), mine))
    return or_(*arms)


def _holding(shares: Any, value: Value) -> list[ColumnElement[bool]]:
    """Conditions of a table of shares, apart from whom each is for."""
    found: list[ColumnElement[bool]] = []
    if "level" in shares:
        found.append(shares.level == func.any(value("levels", ARRAY(Text()), lambda r: list(r.share_levels))))
    if "expire_time" in shares:
        found.append(unexpired(shares.expire_time))
    return found


def unexpired(expire_time: Any) -> ColumnElement[bool]:
    """By the database's clock, so that a share ends on its instant whatever else is late."""
    return or_(expire_time.is_(None), expire_time > func.now())


def _arms_over(owner: Any, team: Any, branch: Any, value: Value) -> list[ColumnElement[bool]]:
    arms: list[ColumnElement[bool]] = []
    if owner is not None:
        arms.append(owner == value("owner", Uuid(), lambda r: r.owner_id))
    if team is not None:
        arms.append(team == func.any(value("teams", ARRAY(Uuid()), lambda r: list(r.team_ids))))
    if branch is not None:
        exact = value("branches", ARRAY(Text()), lambda r: list(r.branch_paths))
        arms.append(branch == func.any(exact))
        low = value("low", ARRAY(Text()), lambda r: list(r.subtrees))
        high = value("high", ARRAY(Text()), lambda r: list(r.subtree_ends))
        span = func.unnest(low, high).table_valued("lo", "hi", name="subtree").render_derived()
        inside = select(1).select_from(span).where(branch >= span.c.lo, branch < span.c.hi)
        arms.append(exists(inside.correlate(branch.table)))
    return arms


def rule_of(table: Any) -> Rule:
    return _rules[getattr(table, "__table__", table)]


def scope_of(table: Any) -> ScopeRule:
    """The rule of a table whose rows are of one resource."""
    rule = rule_of(table)
    assert isinstance(rule, ScopeRule), "rows of many resources are read by `visible_mixed`"
    return rule


def visible(table: Any, *, by_key: bool = False) -> ColumnElement[bool]:
    """Rows the current caller reaches. Of one shape for every caller, so it is compiled once.

    `by_key` for hot statements that find the row by its key anyway: PostgreSQL then plans them once. Otherwise
    it sees that the condition is simpler for this caller and plans anew each time, which takes longer than the
    reading; for a search over many rows that is worth it.
    """
    rule = scope_of(table)
    return VisibilityClause(rule.table.name, predicate(rule, _bound(rule, by_key=by_key)))


def unscoped(table: Any, reason: str) -> ColumnElement[bool]:
    """Touch a scoped table for every caller, on purpose: workers, matching over all branches."""
    if not reason:
        raise ValueError("say why the statement is not scoped")
    return VisibilityClause(getattr(table, "__table__", table).name, true(), waived=True)


def visibility_arms(table: Any) -> list[ColumnElement[bool]]:
    """What `visible` unites, one arm for each index; empty when the caller reaches nothing."""
    rule = scope_of(table)
    reach = current_reach(rule)
    if reach.everything:
        return [VisibilityClause(rule.table.name, true())]
    arms = list(_list_arms(rule, reach))
    return [VisibilityClause(rule.table.name, arm) for arm in arms]


def _list_arms(rule: ScopeRule, reach: Reach) -> list[ColumnElement[bool]]:
    arms: list[ColumnElement[bool]] = []
    if rule.owner is not None and reach.owner_id != Reach().owner_id:
        arms.append(rule.owner == reach.owner_id)
    if rule.team is not None:
        arms += [rule.team == team for team in reach.team_ids]
    if rule.branch is not None:
        arms += _branch_arms(rule.branch, reach)
    if rule.party is not None and reach.party_id != Reach().party_id:
        arms.append(rule.party == func.any(keys_of(literal(UUID(reach.party_id), Uuid()))))
    if rule.shares is not None and rule.shares_key is not None:
        arms.append(_shared_arm(rule, reach))
    if rule.members is not None and reach.owner_id != NOBODY and "read" in reach.share_levels:
        arms.append(rule.members.contains([UUID(reach.owner_id)]))
    return arms


def _branch_arms(branch: Any, reach: Reach) -> list[ColumnElement[bool]]:
    """One equality per branch, so that each arm's index is already in the list's order."""
    directory = current_call().directory
    exact = set(reach.branch_paths)
    arms: list[ColumnElement[bool]] = []
    for subtree in reach.subtrees:
        below = directory.branches_below(subtree)
        if len(below) > MAX_EXACT_BRANCHES:
            arms.append(and_(branch >= subtree, branch < Reach(subtrees=(subtree,)).subtree_ends[0]))
        else:
            exact.update(below)
    return arms + [branch == path for path in sorted(exact)]


def _shared_arm(rule: ScopeRule, reach: Reach) -> ColumnElement[bool]:
    assert rule.shares is not None
    assert rule.shares_key is not None
    columns = rule.shares.c
    inner: list[ColumnElement[bool]] = [columns.owner_id == reach.owner_id]
    inner.append(columns.team_id.in_(reach.team_ids) if reach.team_ids else false())
    inner += _branch_arms(columns.branch_path, reach)
    holding = _holding(columns, lambda _name, kind, read: literal(read(reach), kind))
    return rule.table.c.id.in_(select(rule.shares_key).where(or_(*inner), *holding))


def require_placement(resource: str, branch_path: str, verb: str = "create") -> None:
    """A caller may only place a record where its reach for the verb goes."""
    call = current_call()
    reach = call.directory.require(call.principal, f"{resource}.{verb}")
    home = call.principal.branch_path == branch_path
    if not (home or reach.covers_path(branch_path)):
        raise PermissionDenied("you may not place records in that branch", branch_path=branch_path)
