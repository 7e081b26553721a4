"""A ticket: its verbs, what they demand, what they record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument, PermissionDenied, WrongState
from taproot_base.text import search_tokens
from taproot_servicedesk.base import Base
from taproot_servicedesk.entitlements.coverage import Claim, Coverage
from taproot_servicedesk.sla.matching import TicketFacts
from taproot_servicedesk.sla.model import SlaClock
from taproot_servicedesk.tickets.entries import Author, TicketEntry
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned, custom_tokens
from taproot_storage.visibility import scope_table

NEW, OPEN, WAITING, RESOLVED, CLOSED = "new", "open", "waiting", "resolved", "closed"
WORKING = (NEW, OPEN, WAITING)
PRIORITIES = ("low", "normal", "high", "critical")


class TicketExists(AlreadyExists):
    reason = "TICKET_EXISTS"

    def __init__(self) -> None:
        super().__init__("a ticket with this external_id is stored already")


class HistoryNotAllowed(PermissionDenied):
    reason = "HISTORY_NOT_ALLOWED"

    def __init__(self, fields: Sequence[str]) -> None:
        names = ", ".join(fields)
        super().__init__(f"giving {names} needs the permission tickets.import", permission="tickets.import")


class PartsOpen(AppError):
    reason = "PARTS_OPEN"

    def __init__(self) -> None:
        super().__init__("parts of the ticket are open; close them first")


class AlreadyMerged(AppError):
    reason = "TICKET_MERGED"

    def __init__(self) -> None:
        super().__init__("a ticket to merge is merged already or is the survivor itself")


@dataclass(frozen=True)
class Placement:
    """Where a ticket goes; None leaves a part as it is."""

    owner_id: uuid.UUID | None = None
    queue_id: uuid.UUID | None = None
    branch_id: uuid.UUID | None = None
    branch_path: str | None = None
    team_id: uuid.UUID | None = None


class Ticket(TeamOwned, Customizable, Aggregate, Base):
    """`origin` is the business key of a ticket the service opened itself, such as `survey:<id>`."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index("uq_tickets_number", "number", unique=True),
        Index("uq_tickets_external_id", "external_id", unique=True),
        Index("uq_tickets_origin", "origin", unique=True),
        Index("ix_tickets_owner_id", "owner_id", "create_time", "id"),
        Index("ix_tickets_branch_path", "branch_path", "create_time", "id"),
        Index("ix_tickets_team_id", "team_id", "create_time", "id"),
        Index("ix_tickets_customer_id", "customer_id", "create_time", "id"),
        Index("ix_tickets_create_time", "create_time", "id"),
        Index("ix_tickets_queue_id", "queue_id", "state"),
        Index("ix_tickets_parent_id", "parent_id"),
        Index("ix_tickets_merged_into_id", "merged_into_id"),
        Index(
            "ix_tickets_open_owner",
            "owner_id",
            postgresql_where=text("state IN ('new', 'open', 'waiting') AND delete_time IS NULL"),
        ),
        Index(
            "ix_tickets_open_customer",
            "customer_id",
            postgresql_where=text("state IN ('new', 'open', 'waiting') AND delete_time IS NULL"),
        ),
        Index("ix_tickets_search", "search", postgresql_using="gin"),
    )
    aggregate_type: ClassVar[str] = "ticket"

    number: Mapped[str]
    display_name: Mapped[str] = mapped_column(default="")
    search: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    description: Mapped[str] = mapped_column(default="")
    external_id: Mapped[str | None]
    origin: Mapped[str | None]
    kind: Mapped[str] = mapped_column(default="inquiry")
    state: Mapped[str] = mapped_column(default=NEW)
    priority: Mapped[str] = mapped_column(default="normal")
    categories: Mapped[list[str]] = mapped_column(default=list)
    channel: Mapped[str] = mapped_column(default="web")
    customer_id: Mapped[uuid.UUID | None]
    contact_id: Mapped[uuid.UUID | None]
    product_id: Mapped[uuid.UUID | None]
    product_code: Mapped[str] = mapped_column(default="")
    device_serial: Mapped[str] = mapped_column(default="")
    region: Mapped[str] = mapped_column(default="")
    value_class: Mapped[str] = mapped_column(default="")
    covered: Mapped[bool] = mapped_column(default=False)
    coverage_reason: Mapped[str] = mapped_column(default="")
    coverage_entitlement_id: Mapped[uuid.UUID | None]
    queue_id: Mapped[uuid.UUID | None]
    parent_id: Mapped[uuid.UUID | None]
    merged_into_id: Mapped[uuid.UUID | None]
    recurrence_of_id: Mapped[uuid.UUID | None]
    root_cause: Mapped[str] = mapped_column(default="")
    resolution: Mapped[str] = mapped_column(default="")
    escalation_level: Mapped[int] = mapped_column(default=0)
    reopen_count: Mapped[int] = mapped_column(default=0)
    satisfaction_score: Mapped[int | None]
    low_score: Mapped[bool] = mapped_column(default=False)
    open_time: Mapped[datetime]
    first_response_time: Mapped[datetime | None]
    resolve_time: Mapped[datetime | None]
    close_time: Mapped[datetime | None]
    historic: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[list[str]] = mapped_column(default=list)
    delete_time: Mapped[datetime | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @property
    def clocks(self) -> list[SlaClock]:
        """Its promises, oldest first; set by whoever loads or opens the ticket."""
        found: list[SlaClock] = self.__dict__.setdefault("_clocks", [])
        return found

    @property
    def entries(self) -> list[TicketEntry]:
        """Entries written by this change, still to be stored."""
        found: list[TicketEntry] = self.__dict__.setdefault("_entries", [])
        return found

    @property
    def facts(self) -> TicketFacts:
        return TicketFacts(self.kind, self.priority, self.value_class, frozenset(self.categories))

    @property
    def claim(self) -> Claim:
        return Claim(self.kind, self.product_id, self.product_code, self.device_serial)

    def set_coverage(self, coverage: Coverage) -> None:
        self.covered, self.coverage_reason = coverage.covered, coverage.reason
        self.coverage_entitlement_id = coverage.entitlement_id

    # Opening.

    def open(self, now: datetime) -> None:
        self.create_time = now
        self._check()
        self.record("created", now)

    def load_history(self, state: str, now: datetime) -> None:
        """Take in a case another system has worked on; nothing follows from it."""
        self.state, self.historic = state or NEW, True
        self.open(now)

    def _check(self) -> None:
        self.kind, self.priority = self.kind or "inquiry", self.priority or "normal"
        self.channel = self.channel or "web"
        if not self.display_name:
            raise InvalidArgument([("ticket.display_name", "is required")])
        found = search_tokens(self.number, self.display_name, self.device_serial, *self.tags)
        self.search = [*found, *custom_tokens(self)]

    # Changes that keep the state.

    def change(self, values: dict[str, Any], author: Author, now: datetime) -> None:
        before = self._class_text
        self.set_all(values)
        self._check()
        entry = None
        if self._class_text != before:
            entry = self.write(author, now, "classification", previous_value=before, value=self._class_text)
        self.record("updated", now, entry=entry)

    @property
    def _class_text(self) -> str:
        return f"{self.kind}, {self.priority}: {', '.join(self.categories)}"

    def place(self, place: Placement, author: Author, reason: str, now: datetime) -> None:
        before = {"previous_owner_id": self.owner_id, "previous_branch_id": self.branch_id}
        entry = self.write(
            author,
            now,
            "assignment",
            body=reason,
            previous_value=str(self.owner_id or ""),
            value=str(place.owner_id or self.owner_id or ""),
        )
        self._move_to(place)
        self.record("assigned", now, entry=entry, **before)

    def _move_to(self, place: Placement) -> None:
        self.owner_id = place.owner_id or self.owner_id
        self.queue_id = place.queue_id or self.queue_id
        self.team_id = place.team_id or self.team_id
        if place.branch_id is not None:
            self.branch_id, self.branch_path = place.branch_id, place.branch_path or ""
        self.place_clocks()

    def place_clocks(self) -> None:
        """Clocks are seen by those who see the ticket."""
        for clock in self.clocks:
            clock.owner_id, clock.team_id = self.owner_id, self.team_id
            clock.branch_id, clock.branch_path = self.branch_id, self.branch_path
            clock.customer_id = self.customer_id

    # States.

    def require(self, *allowed: str) -> None:
        if self.state not in allowed:
            raise WrongState("the ticket", self.state.upper(), [state.upper() for state in allowed])

    def _enter(self, state: str, author: Author, now: datetime, body: str = "") -> TicketEntry:
        before, self.state = self.state, state
        return self.write(author, now, "state", public=True, body=body, previous_value=before, value=state)

    def comment(
        self,
        body: str,
        author: Author,
        now: datetime,
        *,
        internal: bool,
        channel: str,
        attachments: list[str],
    ) -> None:
        """Staff's public words answer; the customer's words wake the ticket. See `ReplyTicket`."""
        self.require(*WORKING, RESOLVED)
        before = self.state
        if author.kind == "customer" and self.state in (WAITING, RESOLVED):
            self.reopen_count += self.state == RESOLVED
            self.resolve_time = None
            self._enter(OPEN, author, now)
        elif author.kind == "staff" and not internal:
            self.first_response_time = self.first_response_time or now
            if self.state == NEW:
                self._enter(OPEN, author, now)
        entry = self.write(
            author,
            now,
            "comment",
            public=not internal,
            body=body,
            channel=channel or self.channel,
            attachments=attachments,
        )
        self.record("commented", now, entry=entry, previous_state=before)

    def wait(self, author: Author, now: datetime) -> None:
        self.require(NEW, OPEN)
        before = self.state
        entry = self._enter(WAITING, author, now)
        self.record("waiting", now, entry=entry, previous_state=before)

    def resolve(self, resolution: str, root_cause: str, author: Author, now: datetime) -> None:
        self.require(*WORKING)
        self.resolution, self.root_cause = resolution or self.resolution, root_cause or self.root_cause
        if not self.resolution:
            raise InvalidArgument([("resolution", "is required: what was done or decided")])
        before, self.resolve_time = self.state, now
        self.first_response_time = self.first_response_time or now
        entry = self._enter(RESOLVED, author, now, self.resolution)
        self.record("resolved", now, entry=entry, previous_state=before)

    def close(self, author: Author, now: datetime) -> None:
        self.require(RESOLVED)
        self.close_time = now
        entry = self._enter(CLOSED, author, now)
        self.record("closed", now, entry=entry, previous_state=RESOLVED)

    def reopen(self, reason: str, author: Author, now: datetime) -> None:
        self.require(RESOLVED, CLOSED)
        if self.merged_into_id is not None:
            raise AlreadyMerged
        before = self.state
        self.reopen_count += 1
        self.resolve_time = self.close_time = None
        entry = self._enter(OPEN, author, now, reason)
        self.record("reopened", now, entry=entry, previous_state=before)

    def escalate(
        self, place: Placement, priority: str, reason: str, author: Author, now: datetime, clock_id: str = ""
    ) -> None:
        """One level up; the priority is raised, never lowered."""
        self.require(*WORKING)
        before = {"previous_owner_id": self.owner_id, "previous_branch_id": self.branch_id}
        self.escalation_level += 1
        if priority and PRIORITIES.index(priority) > PRIORITIES.index(self.priority):
            self.priority = priority
        self._move_to(place)
        level = self.escalation_level
        entry = self.write(author, now, "escalation", body=reason, value=str(level))
        escalation = {"sla_clock_id": clock_id, "level": level, "reason": reason}
        self.record("escalated", now, entry=entry, escalation=escalation, **before)

    def merge_into(self, survivor: Ticket, author: Author, now: datetime) -> None:
        if self.merged_into_id is not None or self.id == survivor.id or survivor.merged_into_id is not None:
            raise AlreadyMerged
        if self.customer_id and survivor.customer_id and self.customer_id != survivor.customer_id:
            raise InvalidArgument([("source_ids", f"{self.number} belongs to another customer")])
        before = self.state
        self.merged_into_id, self.state, self.close_time = survivor.id, CLOSED, now
        entry = self.write(author, now, "merge", public=True, previous_value=before, value=survivor.number)
        self.record("merged", now, entry=entry, previous_state=before)

    def absorb(self, sources: Sequence[Ticket], author: Author, now: datetime) -> None:
        self.customer_id = self.customer_id or next((s.customer_id for s in sources if s.customer_id), None)
        self.place_clocks()
        numbers = ", ".join(source.number for source in sources)
        entry = self.write(author, now, "merge", public=True, previous_value=numbers, value=self.number)
        self.record("updated", now, entry=entry)

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None:
            raise WrongState("the ticket", "NOT DELETED", ["DELETED"])
        self.delete_time = None
        self.record("undeleted", now)

    def take_score(self, score: int, low: bool, now: datetime) -> None:
        self.satisfaction_score, self.low_score = score, low
        self.record("updated", now)

    # History.

    def write(
        self, author: Author, now: datetime, kind: str, *, public: bool = False, **values: Any
    ) -> TicketEntry:
        entry = TicketEntry.by(author, self.id, kind, public, now, **values)
        self.entries.append(entry)
        return entry


scope_table(Ticket, "tickets.read", team="team_id", party="customer_id")
