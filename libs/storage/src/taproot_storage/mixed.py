"""Tables whose rows tell of records of many resources, such as a timeline: each names the permission that reads it.

Such rows hang on a scoped record, their parent. A row shows when the caller holds its permission and

- reaches the record it tells of: by its owner, its team or its branch, as if it were read itself; or
- the row has no place of its own (`placed` is false): it belongs to the parent; or
- the caller is near the parent, which the statement decides: whoever answers for it sees all that happens to it.

A row without a permission is the parent's own and shows with it. Policies know no nearness: they check permissions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.elements import ColumnElement

from taproot_base.access import MixedReach
from taproot_base.context import current_call_or_none
from taproot_storage.visibility import Value, VisibilityClause, declare, rule_of

COLUMNS = ("permission", "placed", "owner_id", "team_id", "branch_path")
Read = Callable[[MixedReach], tuple[str, ...] | str]


@dataclass(frozen=True)
class MixedRule:
    """`permissions`: all that rows may name."""

    table: Table
    permissions: frozenset[str]

    @property
    def key(self) -> str:
        return str(self.table.name)  # plain text: SQLAlchemy names are a kind of their own

    @property
    def branch(self) -> Column[Any]:
        return self.table.c.branch_path

    def reach(self) -> MixedReach:
        call = current_call_or_none()
        return MixedReach() if call is None else call.directory.mixed_reach(call.principal, self.permissions)

    def told(self) -> dict[str, Any]:
        return {"granted": asdict(self.reach())["granted"]}

    def condition(self, value: Value) -> ColumnElement[bool]:
        granted = value("granted", ARRAY(Text()), lambda reach: list(reach.granted))
        column = self.table.c.permission
        return or_(column == "", column == func.any(granted))


def scope_mixed_table(table: Table, permissions: frozenset[str]) -> None:
    """Declare a table with the columns of `COLUMNS`."""
    declare(MixedRule(table, permissions))


def visible_mixed(table: Table, near: ColumnElement[bool]) -> ColumnElement[bool]:
    """Rows the current caller may see beside a parent it sees; `near` says whether it answers for the parent.

    Values stand in subqueries, so that PostgreSQL plans a statement once for all callers.
    """
    rule = rule_of(table)
    assert isinstance(rule, MixedRule)
    c = table.c

    def value(name: str, kind: Any, read: Read) -> ColumnElement[Any]:
        produce = lambda: _plain(read(rule.reach()))  # noqa: E731
        bound: Any = bindparam(f"{table.name}_{name}", type_=kind, callable_=produce)
        # The cast tells `= ANY` that the subquery is one array, not rows to compare with.
        return cast(select(bound).scalar_subquery(), kind)

    def held(name: str, read: Read) -> ColumnElement[bool]:
        return c.permission == func.any(value(name, ARRAY(Text()), read))

    low = value("low", ARRAY(Text()), lambda r: r.subtrees)
    high = value("high", ARRAY(Text()), lambda r: r.subtree_ends)
    span = func.unnest(low, high).table_valued("lo", "hi", name=f"{table.name}_span").render_derived()
    inside = select(1).select_from(span).where(c.branch_path >= span.c.lo, c.branch_path < span.c.hi)
    teams = value("teams", ARRAY(Uuid()), lambda r: r.team_ids)
    paths = value("branches", ARRAY(Text()), lambda r: r.branch_paths)
    owned = c.owner_id == value("owner", Uuid(), lambda r: r.owner_id)
    shown = or_(
        c.permission == "",
        held("everything", lambda r: r.everything),
        and_(held("granted", lambda r: r.granted), or_(not_(c.placed), near, owned)),
        and_(held("by_team", lambda r: r.by_team), c.team_id == func.any(teams)),
        and_(held("by_branch", lambda r: r.by_branch), c.branch_path == func.any(paths)),
        and_(held("by_subtree", lambda r: r.by_subtree), exists(inside.correlate(table))),
    )
    return VisibilityClause(table.name, shown)


def _plain(found: tuple[str, ...] | str) -> Any:
    return found if isinstance(found, str) else list(found)
