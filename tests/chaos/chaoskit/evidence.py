"""What a run has left behind, as plain data: the invariants judge this and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaoskit.mail import Seen
from chaoskit.traffic import Gap, Journal


@dataclass(frozen=True)
class Logged:
    """A row of a publisher's event log."""

    id: str
    source: str
    type: str
    aggregate: str
    version: int
    time: float
    published: bool
    party: str = ""

    @property
    def subject(self) -> str:
        return f"taproot.{self.source}.{self.type}.v1.0"


@dataclass(frozen=True)
class Reader:
    """A durable consumer: who reads which subjects of which stream."""

    service: str
    name: str
    source: str
    filters: tuple[str, ...]

    @property
    def consumer(self) -> str:
        return f"{self.name}:{self.source}"

    def reads(self, event: Logged) -> bool:
        return event.source == self.source and any(_matches(one, event.subject) for one in self.filters)


def _matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    return len(wanted) == len(given) and all(
        one in ("*", other) for one, other in zip(wanted, given, strict=True)
    )


@dataclass(frozen=True)
class Letter:
    service: str
    consumer: str
    event: str
    aggregate: str
    state: str
    error: str


@dataclass(frozen=True)
class Promise:
    """An SLA clock; instants are seconds since the epoch."""

    id: str
    ticket: str
    state: str
    stopped: float | None
    warning: float | None
    due: float | None
    metric: str = "first_response"


@dataclass(frozen=True)
class Mailing:
    """A row of the ledger of messages."""

    id: str
    customer: str
    state: str
    message_id: str
    reason: str = ""
    cause: str = "chaos_receipt"
    """The journey's key or the campaign's id."""


@dataclass(frozen=True)
class Account:
    """Points of a customer: what the account says, what its movements add up to, what its payments earned."""

    customer: str
    balance: int
    moved: int
    movements: int


@dataclass(frozen=True)
class Books:
    """Money of a customer by three ways of adding it up, and how many documents there are."""

    customer: str
    ledger: str
    open_items: str
    statement: str
    orders: int
    invoices: int
    payments: int
    paid: str


Rows = dict[str, Counter[str]]


@dataclass
class Evidence:
    end: float = 0.0
    on_time: float = 10.0
    """An SLA transition may be so late, and in addition as long as nobody was served by the service desk meanwhile."""
    journal: Journal = field(default_factory=Journal)
    log: list[Logged] = field(default_factory=list)
    streams: dict[str, Counter[str]] = field(default_factory=dict)
    """Source -> how often each event id is in its stream."""
    readers: list[Reader] = field(default_factory=list)
    inboxes: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Service -> (consumer, event id)."""
    letters: list[Letter] = field(default_factory=list)
    poison_events: set[str] = field(default_factory=set)
    poison_aggregates: set[str] = field(default_factory=set)
    poison_count: int = 0
    customers: dict[str, str] = field(default_factory=dict)
    orders: set[str] = field(default_factory=set)
    payments: set[str] = field(default_factory=set)
    tickets: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    loaded: Counter[str] = field(default_factory=Counter)
    timeline: Counter[str] = field(default_factory=Counter)
    books: list[Books] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    mailings: list[Mailing] = field(default_factory=list)
    mail: list[Seen] = field(default_factory=list)
    hooked: dict[str, str] = field(default_factory=dict)
    """Event id -> state of its delivery to the webhook."""
    heard: Counter[str] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    jumps: list[Gap] = field(default_factory=list)
    """When the clock of a service was off, and as long before and after as it was off."""
    before: Rows = field(default_factory=dict)
    after: Rows = field(default_factory=dict)
    """Rows of all read models before and after they were rebuilt."""
    unrest: list[str] = field(default_factory=list)
    """What had not come to an end when patience did."""

    def events(self, source: str, kind: str) -> list[Logged]:
        return [one for one in self.log if one.source == source and one.type == kind]

    def facts(self) -> dict[str, Any]:
        """Figures of the run for its report."""
        ends = Counter(one.end for one in self.mail)
        return {
            "lives": self.journal.lives,
            "requests": self.journal.requests,
            "customers": len(self.customers),
            "events": len(self.log),
            "effects": sum(map(len, self.inboxes.values())),
            "payments": len(self.payments),
            "tickets": len(self.tickets),
            "rows_imported": sum(self.loaded.values()),
            "mails": dict(ends),
            "mails_uncertain": sum(one.state == "uncertain" for one in self.mailings),
            "webhooks_delivered": sum(state == "delivered" for state in self.hooked.values()),
            "webhooks_heard_again": sum(number - 1 for number in self.heard.values()),
            "dead_letters_of_poison": sum(one.event in self.poison_events for one in self.letters),
            "gaps_seconds": round(sum(gap.end - gap.start for gap in self.gaps), 1),
        }
