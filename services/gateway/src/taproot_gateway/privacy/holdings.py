"""What the gateway holds of a person: an account of the portal, and events on their way to endpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select

from taproot_gateway.api_keys.model import api_keys
from taproot_gateway.mails.model import account_mails, mailed_tokens
from taproot_gateway.oidc.model import oidc_links, oidc_sessions
from taproot_gateway.saved_views.model import saved_view_marks, saved_views
from taproot_gateway.second_factors.model import recovery_codes, second_factors, sign_in_challenges
from taproot_gateway.sessions.model import credentials, sessions
from taproot_gateway.users.model import PORTAL, User
from taproot_gateway.webhooks.model import webhook_deliveries
from taproot_records.privacy.holdings import (
    Condition,
    Holding,
    Holdings,
    Of,
    Person,
    one_of,
    table_of,
    within,
)
from taproot_storage.database import Reader

_user, _sent = table_of(User), webhook_deliveries.c


def _accounts(person: Person) -> Condition:
    """Staff who are customers too keep the account they work with."""
    mine = or_(one_of(_user.c.customer_id, person.party_ids), one_of(_user.c.id, person.user_ids))
    return and_(_user.c.kind == PORTAL, mine)


def _of_account(table: Any, column: str = "user_id") -> Of:
    return lambda person: table.c[column].in_(select(_user.c.id).where(_accounts(person), within(_user)))


def _of_session(person: Person) -> Condition:
    mine = select(sessions.c.id).where(_of_account(sessions)(person))
    return oidc_sessions.c.session_id.in_(mine)


def _bodies(person: Person) -> Condition:
    """Of events about the person; sent or waiting."""
    return or_(one_of(_sent.party_id, person.party_ids), one_of(_sent.resource_id, person.keys))


HELD = (
    Holding(webhook_deliveries, _bodies),
    Holding(oidc_sessions, _of_session, secret=("id_token_sealed",)),
    Holding(oidc_links, _of_account(oidc_links)),
    Holding(sessions, _of_account(sessions), secret=("token_hash",)),
    Holding(credentials, _of_account(credentials), secret=("password_hash",)),
    Holding(second_factors, _of_account(second_factors), secret=("secret_sealed",)),
    Holding(recovery_codes, _of_account(recovery_codes), secret=("code_hash",)),
    Holding(sign_in_challenges, _of_account(sign_in_challenges), secret=("token_hash",)),
    Holding(mailed_tokens, _of_account(mailed_tokens), secret=("token_hash",)),
    Holding(account_mails, _of_account(account_mails)),
    Holding(api_keys, _of_account(api_keys), secret=("key_hash",)),
    Holding(saved_views, _of_account(saved_views, "owner_id")),
    Holding(saved_view_marks, _of_account(saved_view_marks)),
    Holding(_user, _accounts),
)
_STAFF = "the enterprise's own organisation"
WITHOUT = {
    "branches": _STAFF,
    "rate_buckets": "counts of calls by key, for minutes",
    "roles": _STAFF,
    "sign_in_attempts": "hashes of names, for a day",
    "sign_in_places": "hashes of names and places",
    "teams": _STAFF,
    "webhook_runs": "where each endpoint stands",
    "webhooks": "endpoints of other systems",
}


async def find(reader: Reader, person: Person) -> Person:
    """Every service knows the account as a user."""
    rows = await reader.fetch(select(_user.c.id).where(_accounts(person), within(_user)))
    return Person(user_ids=frozenset(row[0] for row in rows))


HOLDINGS = Holdings("identity", HELD, WITHOUT, find)
