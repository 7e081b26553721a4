"""What the customer service holds of a person. Nothing of it must be kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Text, Uuid, and_, case, cast, column, false, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_customer.activities.model import Activity
from taproot_customer.analysis.model import Insight, insight_cells, insight_scores
from taproot_customer.attachments.model import Attachment
from taproot_customer.care_dates.model import CareDate, care_date_notices
from taproot_customer.consents.model import Consent, consent_states, form_consents
from taproot_customer.contacts.model import Contact
from taproot_customer.customers.model import Customer, customer_access, customer_keys
from taproot_customer.exports.model import Export
from taproot_customer.facts.model import customer_facts, fact_items, facts_due
from taproot_customer.imports.files import FOLDER as IMPORTS
from taproot_customer.imports.model import ACTIVE, Import, import_changes, import_keys, import_rows
from taproot_customer.loyalty.model import loyalty_class_changes
from taproot_customer.merging.model import customer_blocks, customer_traits, merge_sources, merges
from taproot_customer.objects.model import CustomObject
from taproot_customer.pools.model import claims, ownership_changes
from taproot_customer.privacy import files
from taproot_customer.profiles.model import profile_items
from taproot_customer.purchases.model import purchases
from taproot_customer.relationships.model import Relationship
from taproot_customer.review.model import DuplicatePair
from taproot_customer.segments.model import segment_dues, segment_members
from taproot_customer.sharing.model import customer_shares
from taproot_customer.tasks.model import Task
from taproot_customer.timeline.model import timeline, timeline_links, timeline_waiting
from taproot_customer.transfers.model import transferred
from taproot_customer.uploads.handlers import FOLDER as UPLOADS
from taproot_customer.work_plans.model import WorkPlan
from taproot_records.privacy.holdings import (
    Condition,
    Holding,
    Holdings,
    Of,
    Person,
    any_of,
    below,
    one_of,
    party,
    table_of,
    within,
)
from taproot_storage.database import Reader

_BETWEEN_DIGITS = "(?<=[0-9])[ ()./-]+(?=[0-9])"
_customer, _import, _export = table_of(Customer), table_of(Import), table_of(Export)
_attachment = table_of(Attachment)
_activity, _contact = table_of(Activity), table_of(Contact)
_insight, _plan = table_of(Insight), table_of(WorkPlan)


def _records(column: Any) -> Of:
    return lambda person: one_of(column, person.record_ids)


def _texts(column: Any) -> Of:
    """Of columns that hold ids as text."""
    return lambda person: column.in_(sorted(map(str, person.record_ids)))


def _cells(person: Person) -> Condition:
    """Rows of a file, rejected ones too, with the person's address or number in one of their cells."""
    cells = func.unnest(import_rows.c.cells).table_valued("cell").render_derived()
    cell = cells.c.cell
    found: list[Condition] = []
    if person.emails:
        found.append(func.lower(func.trim(cell)).in_(sorted(person.emails)))
    if person.phones:
        found.append(func.regexp_replace(cell, "[^0-9]", "", "g").in_(sorted(person.phones)))
    inside = select(1).select_from(cells).where(or_(false(), *found)).correlate(import_rows)
    return inside.exists() if found else false()


_rows = any_of(party(import_rows), _cells)


def _loaded(person: Person) -> Condition:
    """Imports whose file the person is in."""
    tables = (
        (import_rows, _rows),
        (import_changes, party(import_changes)),
        (import_keys, party(import_keys)),
    )
    by_rows = (_import.c.id.in_(select(table.c.import_id).where(of(person))) for table, of in tables)
    samples = func.regexp_replace(func.lower(cast(_import.c.columns, Text)), _BETWEEN_DIGITS, "", "g")
    shown = (func.strpos(samples, word) > 0 for word in sorted(person.emails | person.phones))
    return or_(*by_rows, *shown)


def _named_in(column: Any) -> Of:
    """By a filter that names the person."""

    def condition(person: Person) -> Condition:
        words = [*map(str, person.party_ids), *person.emails, *person.phones]
        text = func.lower(cast(column, Text))
        return or_(false(), *(func.strpos(text, word.lower()) > 0 for word in sorted(words)))

    return condition


def _as_contact(person: Person) -> Any:
    """The records by which other customers know the person."""
    mine = one_of(_contact.c.person_customer_id, person.party_ids)
    return select(_contact.c.id).where(mine, within(_contact))


def _with_contact(person: Person) -> Condition:
    """Not of the person's own customer record: these go whole."""
    contacts = func.array(_as_contact(person).scalar_subquery(), type_=ARRAY(Uuid))
    met = or_(_activity.c.participant_ids.overlap(contacts), _activity.c.contact_id.in_(_as_contact(person)))
    return and_(met, ~one_of(_activity.c.customer_id, person.party_ids)) if person.party_ids else false()


def _others(person: Person) -> Any:
    each = func.jsonb_array_elements(_activity.c.participants)
    one = each.table_valued(column("value", JSONB), with_ordinality="place", name="one").render_derived()
    key = cast(one.c.value["contact_id"].astext, Uuid)
    kept = func.jsonb_agg(aggregate_order_by(one.c.value, one.c.place))
    stay = or_(key.is_(None), key.not_in(_as_contact(person)))
    return func.coalesce(select(kept).where(stay).correlate(_activity).scalar_subquery(), literal([], JSONB))


def _other_ids(person: Person) -> Any:
    one = func.unnest(_activity.c.participant_ids).table_valued("value").render_derived()
    kept = select(one.c.value).where(one.c.value.not_in(_as_contact(person))).correlate(_activity)
    return func.array(kept.scalar_subquery())


def _other_contact(person: Person) -> Any:
    return case((_activity.c.contact_id.in_(_as_contact(person)), null()), else_=_activity.c.contact_id)


# Archives of the person, files and insights made by a filter that names the person.
_asked_for, _insights = _named_in(_export.c.filter), _named_in(_insight.c.filter)
_planned = any_of(*(_named_in(_plan.c[name]) for name in ("items", "plan", "report", "comments")))


HELD = (
    Holding(_export, _asked_for),
    Holding(
        insight_scores,
        any_of(party(insight_scores), below(insight_scores, "insight_id", _insight, _insights)),
    ),
    Holding(insight_cells, below(insight_cells, "insight_id", _insight, _insights)),
    Holding(_insight, _insights),
    Holding(loyalty_class_changes, party(loyalty_class_changes)),
    Holding(purchases, party(purchases)),
    Holding(
        _import,
        _loaded,
        blank=("columns", "error"),
        lists=("columns",),
        keep=("display_name", "file_name", "blob_key", "dialect", "options", "state", "branch_path"),
        retention="that the file was loaded, by whom and how many rows; the file itself and its samples are gone",
    ),
    Holding(import_changes, party(import_changes)),
    Holding(import_keys, party(import_keys)),
    Holding(import_rows, _rows),
    Holding(
        _activity,
        _with_contact,
        part={"participants": _others, "participant_ids": _other_ids, "contact_id": _other_contact},
        secret=(
            "body",
            "comment",
            "custom",
            "participants",
            "participant_ids",
            "participant_user_ids",
            "related",
            "search_tokens",
        ),
        retention="activities of another customer in which the person took part as a contact",
        foreign=True,
    ),
    Holding(_activity, party(Activity)),
    Holding(table_of(Task), party(Task)),
    Holding(
        _plan,
        _planned,
        blank=("items", "plan", "report", "comments", "custom"),
        lists=("items", "comments"),
        keep=("period", "start_date", "end_date", "state", "figures", "branch_path"),
        retention="that a member of staff planned and reported for a period, and its figures; no word of it",
    ),
    Holding(care_date_notices, party(care_date_notices)),
    Holding(table_of(CareDate), party(CareDate)),
    Holding(table_of(CustomObject), party(CustomObject)),
    Holding(claims, party(claims)),
    Holding(consent_states, party(consent_states)),
    Holding(table_of(Consent), party(Consent)),
    Holding(form_consents, any_of(party(form_consents), _records(form_consents.c.submission_id))),
    Holding(table_of(Contact), party(Contact, "customer_id", "person_customer_id"), subject=True),
    Holding(table_of(Attachment), party(Attachment)),
    Holding(table_of(Relationship), party(Relationship, "customer_id", "related_customer_id"), subject=True),
    Holding(customer_access, party(customer_access)),
    Holding(customer_shares, party(customer_shares)),
    Holding(customer_blocks, party(customer_blocks)),
    Holding(customer_facts, party(customer_facts)),
    Holding(customer_keys, party(customer_keys)),
    Holding(customer_traits, party(customer_traits)),
    Holding(table_of(DuplicatePair), party(DuplicatePair, "left_id", "right_id", "survivor_id")),
    Holding(
        merge_sources,
        any_of(
            party(merge_sources, "source_id"),
            below(merge_sources, "merge_id", merges, party(merges, "survivor_id")),
        ),
    ),
    Holding(fact_items, any_of(party(fact_items), _records(fact_items.c.item_id))),
    Holding(facts_due, party(facts_due)),
    Holding(merges, party(merges, "survivor_id")),
    Holding(ownership_changes, party(ownership_changes)),
    Holding(profile_items, any_of(party(profile_items), _texts(profile_items.c.item_id))),
    Holding(segment_dues, party(segment_dues)),
    Holding(segment_members, party(segment_members)),
    Holding(timeline, any_of(party(timeline), _records(timeline.c.resource_id))),
    Holding(timeline_links, any_of(party(timeline_links), _records(timeline_links.c.subject_id))),
    Holding(timeline_waiting, _records(timeline_waiting.c.subject_id)),
    Holding(transferred, party(transferred, "record_id")),
    Holding(
        _customer,
        lambda person: (
            one_of(_customer.c.parent_id, person.party_ids) & ~one_of(_customer.c.id, person.party_ids)
        ),
        blank=("parent_id",),
        retention="records of others below this one in the hierarchy",
        foreign=True,
    ),
    Holding(_customer, party(Customer, "id")),
)
_CONFIGURATION = "the enterprise's own configuration"
WITHOUT = {
    "competitor_refs": "other enterprises",
    "cross_sell_runs": "when counts were taken",
    "cross_sells": "counts over all customers",
    "custom_fields": _CONFIGURATION,
    "duplicate_rules": _CONFIGURATION,
    "duplicate_searches": "where a search stands",
    "erasures": "the erasure's own record: an id that is gone; what the person is known by only until it is done",
    "loyalty_class_rules": _CONFIGURATION,
    "object_types": _CONFIGURATION,
    "pool_rules": _CONFIGURATION,
    "product_refs": "products",
    "segments": _CONFIGURATION,
    "suggestion_rules": _CONFIGURATION,
    "transfers": "staff, and a filter over customers",
}


async def find(reader: Reader, person: Person) -> Person:
    """All that were merged into the record or it into, and by what they are reached."""
    parties = await _merged(reader, person.party_ids)
    wanted = select(_customer.c.identifiers).where(one_of(_customer.c.id, parties), within(_customer))
    items = [item for row in await reader.fetch(wanted) for item in row["identifiers"]]
    sources = select(merge_sources.c.fields).where(one_of(merge_sources.c.source_id, parties))
    for row in await reader.fetch(sources):
        items += row["fields"].get("identifiers", [])
    links = select(timeline_links.c.subject_id).where(one_of(timeline_links.c.customer_id, parties))
    records = frozenset(row[0] for row in await reader.fetch(links))
    return Person(parties, frozenset(), records, _emails(items), _phones(items))


async def _merged(reader: Reader, parties: frozenset[uuid.UUID]) -> frozenset[uuid.UUID]:
    wanted = select(_customer.c.id, _customer.c.merged_into, _customer.c.merged_ids).where(
        or_(one_of(_customer.c.id, parties), one_of(_customer.c.merged_into, parties)), within(_customer)
    )
    found = set(parties)
    for row in await reader.fetch(wanted):
        found |= {row["id"], *row["merged_ids"]} | ({row["merged_into"]} - {None})
    return frozenset(found) if found == parties else await _merged(reader, frozenset(found))


def _emails(items: Iterable[dict[str, Any]]) -> frozenset[str]:
    return frozenset(item["value"].strip().lower() for item in items if item["kind"] == "email")


def _phones(items: Iterable[dict[str, Any]]) -> frozenset[str]:
    numbers = [item.get("normal") or item["value"] for item in items if item["kind"] == "phone"]
    return frozenset(way for number in numbers for way in files.ways_to_write(number))


async def obstacles(reader: Reader, person: Person) -> list[pb.Obstacle]:
    wanted = select(_import.c.id).where(_import.c.state.in_(ACTIVE), _loaded(person), within(_import))
    rows = await reader.fetch(wanted)
    return [pb.Obstacle(reason="RUNNING_IMPORT", resource="import", id=str(row[0])) for row in rows]


async def blobs(reader: Reader, person: Person, store: Any) -> list[str]:
    loaded = select(_import.c.blob_key).where(_loaded(person), within(_import))
    sure = {row[0] for row in await reader.fetch(loaded)}
    named = {row[0] for row in await reader.fetch(select(_import.c.blob_key).where(within(_import)))}
    every = named | {*await store.older_than(IMPORTS, 0)}  # those no import has wait for their sweeping
    keys = [key for key in sorted(every) if key in sure or await files.says(store, key, person)]
    exports = select(_export.c.id, _export.c.part_count).where(_export.c.part_count > 0, within(_export))
    mine = select(_export.c.id).where(_asked_for(person), within(_export))
    asked = {row[0] for row in await reader.fetch(mine)}
    for row in await reader.fetch(exports):
        keys += await files.parts_with(store, row["id"], row["part_count"], person, sure=row["id"] in asked)
    keys += [key for key in await store.older_than(UPLOADS, 0) if await files.says(store, key, person)]
    hung = select(_attachment.c.blob_key).where(party(Attachment)(person), within(_attachment))
    return keys + [row[0] for row in await reader.fetch(hung)]


HOLDINGS = Holdings("customer", HELD, WITHOUT, find, obstacles, blobs)
