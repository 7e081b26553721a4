"""When a message may be sent, what an answer of the mail server means, and when to try again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED_TEMPORARY = "failed_temporary"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


class MessageClass(StrEnum):
    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"


class Fate(StrEnum):
    """How a conversation with a mail server ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The server said no (4xx or 5xx), so it does not hold the message."""
    NOT_STARTED = "not_started"
    """The conversation ended before the text was handed over."""
    UNKNOWN = "unknown"
    """The text was handed over and no answer came: it may or may not arrive."""


WAITING = frozenset({State.QUEUED, State.FAILED_TEMPORARY})
BACKOFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(BACKOFF) + 1
NO_CONSENT = "no_consent"
CONSENT_PATIENCE = timedelta(minutes=2)
"""How long a message that answers an event waits for a consent given with it, which takes a longer way."""
CONSENT_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt."""

    fate: Fate
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    state: State
    reason: str = ""
    next_attempt_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known about an address and its owner at the moment of sending."""

    address: str | None
    marketing_consent: bool | None = None
    """True granted, False withdrawn or denied, None never asked."""
    service_consent: bool | None = None
    suppression: str | None = None


def outcome_of(answer: Answer, attempt: int, now: datetime) -> Outcome:
    """The state after an attempt. Only what the server certainly does not hold is tried again.

    A 4xx answer counts as a refusal even after the text (RFC 5321 section 4.2.5: the client keeps
    responsibility); a lost connection after the text does not.
    """
    if answer.fate is Fate.ACCEPTED:
        return Outcome(State.SENT)
    if answer.fate is Fate.UNKNOWN:
        return Outcome(State.UNCERTAIN, answer.text)
    if answer.fate is Fate.REFUSED and answer.code >= 500:  # RFC 5321 section 4.2.1
        return Outcome(State.BOUNCED, answer.text)
    if attempt >= MAX_ATTEMPTS:
        return Outcome(State.BOUNCED, f"given up after {attempt} attempts: {answer.text}")
    return Outcome(State.FAILED_TEMPORARY, answer.text, now + BACKOFF[attempt - 1])


def objection(message_class: MessageClass, standing: Standing) -> str:
    """Why a message may not be sent; empty when it may.

    Marketing needs a consent for marketing by e-mail. Service mail needs one for service or for
    marketing, and none withdrawn for service. Transactional mail needs none, and only addresses
    that bounced or complained are spared.
    """
    if not standing.address:
        return "no_address"
    transactional = message_class is MessageClass.TRANSACTIONAL
    if standing.suppression and not (transactional and standing.suppression in ("unsubscribed", "manual")):
        return f"suppressed_{standing.suppression}"
    return "" if transactional or _consented(message_class, standing) else NO_CONSENT


def never_asked(message_class: MessageClass, standing: Standing) -> bool:
    """Nothing is known for or against: a consent given a moment ago may still be on its way."""
    asked = standing.marketing_consent is not None
    return not asked and (message_class is MessageClass.MARKETING or standing.service_consent is None)


def _consented(message_class: MessageClass, standing: Standing) -> bool:
    if message_class is MessageClass.MARKETING:
        return standing.marketing_consent is True
    if standing.service_consent is not None:
        return standing.service_consent
    return standing.marketing_consent is True


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].strip().casefold()


def address_key(address: str) -> str:
    """By what addresses are compared: a hash, so that the list survives an erasure without the address."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def masked_address(address: str) -> str:
    """`w***@example.com`"""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"
