"""Tables that tie users and sessions to accounts at the identity provider, and what can go wrong."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, Uuid

from taproot_base.errors import AppError, Kind
from taproot_gateway.base import Base

Instant = DateTime(timezone=True)


class OidcSignInFailed(AppError):
    """What exactly was wrong is in the log only."""

    kind = Kind.DENIED
    reason = "OIDC_SIGN_IN_FAILED"

    def __init__(self) -> None:
        super().__init__("the sign-in could not be completed; begin again")


class OidcNoUser(AppError):
    kind = Kind.DENIED
    reason = "OIDC_NO_USER"

    def __init__(self) -> None:
        super().__init__("this account has no user here; ask your administrator")


oidc_links = Table(
    "oidc_links",
    Base.metadata,
    # The provider never gives a subject to somebody else; names and addresses it may.
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("create_time", Instant, nullable=False),
    Index("uq_oidc_links_user_id", "issuer", "user_id", unique=True),
)

oidc_sessions = Table(
    "oidc_sessions",
    Base.metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sid", Text, nullable=False),
    # The provider asks for it when somebody signs out there.
    Column("id_token_sealed", LargeBinary, nullable=False),
    Index("ix_oidc_sessions_subject", "issuer", "subject"),
)
