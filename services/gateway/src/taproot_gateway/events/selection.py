"""Which of the events it may see a listener wants: `types=customer.*,order.confirmed&resource=tickets/<id>`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from taproot_gateway.events.catalog import Catalog
from taproot_gateway.events.notices import Notice
from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.requests import Invalid

MOST_TERMS = 50
_TYPE = re.compile(r"([a-z][a-z0-9_]*)\.(\*|[a-z][a-z0-9_]*)\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
RESUME = "last_event_id"
"""As a parameter, for clients that cannot set the header."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Empty parts let everything pass; of two parts that are given both must hold."""

    types: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()

    def wants(self, notice: Notice) -> bool:
        if self.types and not {notice.event, f"{notice.kind.aggregate}.*"} & self.types:
            return False
        if self.customers and notice.party_id not in self.customers:
            return False
        collection = notice.kind.collection
        return not self.resources or not self.resources.isdisjoint((collection, f"{collection}/{notice.key}"))


def parse_selection(query: str, catalog: Catalog) -> tuple[Selection, str]:
    """The selection and the position to go on from. Raises Invalid with everything that is wrong."""
    wrong: list[Violation] = []
    terms: dict[str, list[str]] = {"types": [], "resource": [], "customer_id": [], RESUME: []}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=200):
        if name in terms:
            terms[name] += [
                part.strip().lower() if name == "customer_id" else part.strip() for part in value.split(",")
            ]
        else:
            wrong.append(Violation(name, "is not a parameter of this stream"))
    wrong += _check(
        "types",
        terms["types"],
        lambda term: _is_type(term, catalog),
        "is no type of event, such as customer.*",
    )
    wrong += _check(
        "resource", terms["resource"], lambda term: _is_resource(term, catalog), "is no resource with events"
    )
    wrong += _check("customer_id", terms["customer_id"], _is_uuid, "is no id")
    if wrong:
        raise Invalid(wrong)
    selection = Selection(
        frozenset(terms["types"]), frozenset(terms["resource"]), frozenset(terms["customer_id"])
    )
    return selection, next(iter(terms[RESUME]), "")


def _check(name: str, terms: Sequence[str], known: object, said: str) -> list[Violation]:
    if len(terms) > MOST_TERMS:
        return [Violation(name, f"must be at most {MOST_TERMS} terms")]
    assert callable(known)
    return [Violation(name, f"{term[:60]!r} {said}") for term in terms if not known(term)]


def _is_type(term: str, catalog: Catalog) -> bool:
    match = _TYPE.match(term)
    return match is not None and match[1] in catalog.aggregates


def _is_resource(term: str, catalog: Catalog) -> bool:
    collection, _, key = term.partition("/")
    return collection in catalog.collections and (not key or _is_uuid(key))


def _is_uuid(term: str) -> bool:
    return _UUID.match(term) is not None
