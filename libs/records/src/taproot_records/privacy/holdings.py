"""What a service holds of a person and what erasing does to each of it, said in one place for every table."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ARRAY,
    Date,
    LargeBinary,
    Table,
    Text,
    Uuid,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_storage.database import Reader
from taproot_storage.schema import (
    custom_dates,
    custom_instants,
    custom_numbers,
    custom_texts,
    custom_uniques,
    identity_users,
    redirects,
)
from taproot_storage.visibility import is_scoped, unscoped

REASON = "a person is gathered or erased whole, whoever owns the records"
Condition = ColumnElement[bool]


@dataclass(frozen=True)
class Person:
    """By what a person is known; see the contract."""

    party_ids: frozenset[uuid.UUID] = frozenset()
    user_ids: frozenset[uuid.UUID] = frozenset()
    record_ids: frozenset[uuid.UUID] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    @classmethod
    def of(cls, message: pb.Person) -> Person:
        ids = {name: frozenset(map(uuid.UUID, getattr(message, name))) for name in _IDS}
        return cls(**ids, emails=frozenset(message.emails), phones=frozenset(message.phones))

    def message(self) -> pb.Person:
        return pb.Person(**{name: sorted(map(str, getattr(self, name))) for name in (*_IDS, *_WORDS)})

    def __or__(self, other: Person) -> Person:
        return Person(**{name: getattr(self, name) | getattr(other, name) for name in (*_IDS, *_WORDS)})

    @property
    def keys(self) -> frozenset[uuid.UUID]:
        return self.party_ids | self.user_ids | self.record_ids

    def without_words(self) -> Person:
        """Only ids: what may be kept while an erasure runs."""
        return Person(self.party_ids, self.user_ids, self.record_ids)


_IDS = ("party_ids", "user_ids", "record_ids")
_WORDS = ("emails", "phones")
Of = Callable[[Person], Condition]


@dataclass(frozen=True)
class Holding:
    """Rows about a person. Without `blank` they are deleted; with it they stay, `retention` says why, and these
    columns are emptied. `keep`: the columns of text that stay as they are. `secret`: never handed out.
    `fill`: columns that take another's value instead. `part`: columns of ids that lose the person's and nothing else,
    in rows that tell of somebody else: what is left of each. `lists`: documents that are lists.
    `subject`: other services know these rows by their id. `foreign`: the rows are somebody else's, who stays.
    """

    table: Table
    of: Of
    blank: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    retention: str = ""
    secret: tuple[str, ...] = ()
    fill: Mapping[str, str] = field(default_factory=dict)
    part: Mapping[str, Callable[[Person], Any]] = field(default_factory=dict)
    lists: tuple[str, ...] = ()
    subject: bool = False
    foreign: bool = False


Find = Callable[[Reader, Person], Awaitable[Person]]
Obstacles = Callable[[Reader, Person], Awaitable[list[pb.Obstacle]]]
Files = Callable[[Reader, Person, Any], Awaitable[list[str]]]


async def _nobody(_reader: Reader, _person: Person) -> Person:
    return Person()


async def _nothing(_reader: Reader, _person: Person) -> list[pb.Obstacle]:
    return []


async def _no_files(_reader: Reader, _person: Person, _blobs: Any) -> list[str]:
    return []


@dataclass(frozen=True)
class Holdings:
    """Of one service. What hangs on other rows comes before them. `without`: table -> why nothing of a person is
    in it. `find` names what else the person is known by, `obstacles` what is open, `files` the blobs to delete.
    """

    service: str
    held: Sequence[Holding]
    without: Mapping[str, str]
    find: Find = _nobody
    obstacles: Obstacles = _nothing
    files: Files = _no_files

    @property
    def all(self) -> tuple[Holding, ...]:
        return (*self.held, *SHARED)

    def decided(self) -> dict[str, Holding | str]:
        """Every table with its decision."""
        return {**SHARED_WITHOUT, **self.without, **{one.table.name: one for one in self.all}}


def table_of(model: Any) -> Table:
    found: Table = getattr(model, "__table__", model)
    return found


def within(table: Table) -> Condition:
    """To be said with every mention of a table that may be scoped."""
    return unscoped(table, REASON) if is_scoped(table) else true()


def one_of(column: Any, keys: frozenset[uuid.UUID]) -> Condition:
    result: Condition = column == func.any(literal(sorted(keys), ARRAY(Uuid)))
    return result if keys else false()


def party(model: Any, column: str = "customer_id", *others: str) -> Of:
    """Rows whose columns name the person's record."""
    columns = [table_of(model).c[name] for name in (column, *others)]
    return lambda person: or_(*(one_of(one, person.party_ids) for one in columns))


def below(model: Any, column: str, parent: Any, of: Of, key: str = "id") -> Of:
    """Rows that hang on rows of another table."""
    child, above = table_of(model), table_of(parent)
    return lambda person: child.c[column].in_(select(above.c[key]).where(of(person), within(above)))


def any_of(*conditions: Of) -> Of:
    return lambda person: or_(*(one(person) for one in conditions))


def reached_by(model: Any, *, email: str = "", phone: str = "", orphan: str = "") -> Of:
    """Rows with the person's address or number that name no party (`orphan`: the column that would)."""
    columns = table_of(model).c

    def condition(person: Person) -> Condition:
        found: list[Condition] = []
        if email and person.emails:
            found.append(func.lower(func.trim(columns[email])).in_(sorted(person.emails)))
        if phone and person.phones:
            digits = func.regexp_replace(columns[phone], "[^0-9]", "", "g")
            found.append(digits.in_(sorted(person.phones)))
        alone = columns[orphan].is_(None) if orphan else true()
        return and_(alone, or_(*found)) if found else false()

    return condition


def says_something(column: Any) -> bool:
    """Whether a column could tell who somebody is: any text, document, bytes or day."""
    kind = column.type
    inner = kind.item_type if isinstance(kind, ARRAY) else kind
    return isinstance(inner, Text | JSONB | LargeBinary | Date)


SHARED = (
    Holding(identity_users, lambda person: one_of(identity_users.c.id, person.user_ids)),
    Holding(
        redirects,
        lambda person: or_(
            one_of(redirects.c.member_id, person.party_ids), one_of(redirects.c.root_id, person.party_ids)
        ),
    ),
)
BESIDE = (custom_texts, custom_numbers, custom_dates, custom_instants, custom_uniques)
"""Values kept beside records, by the record's id."""
_IDS_ONLY = "ids, names of methods and times"
SHARED_WITHOUT = {
    **{
        table.name: "values of the person's records are deleted with them: see erasing.py" for table in BESIDE
    },
    "custom_field_specs": "definitions of fields",
    "custom_generation": "how often definitions changed",
    "event_log": "rewritten event by event: see erasing.py",
    "dead_letters": "letters about the person are deleted: see erasing.py",
    "operations": "what ended operations about the person said is emptied: see erasing.py",
    "inbox": _IDS_ONLY,
    "idempotency": "ids and hashes; a repeat finds the record gone instead of making it anew",
    "audit_events": "ids and names of fields, never a value",
    "audit_unsealed": _IDS_ONLY,
    "audit_blocks": _IDS_ONLY,
    "erased_subjects": "hashes of ids: the memory of the erasure itself",
    "erasure_steps": "ids of records that are gone, and counts",
    "identity_roles": "roles of staff",
    "identity_branches": "branches",
    "identity_moves": "paths of branches",
    "alembic_version": "the version of the schema",
}
