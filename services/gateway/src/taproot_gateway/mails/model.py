"""The tables of queued mails and of the tokens that were mailed, and what can go wrong with a token."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, Table, Text, Uuid

from taproot_base.errors import AppError, Kind
from taproot_gateway.base import Base

Instant = DateTime(timezone=True)


class MailedTokenInvalid(AppError):
    kind = Kind.DENIED
    reason = "MAILED_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the link was used before or has ended; ask for a new one")


account_mails = Table(
    "account_mails",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", Uuid),
    # What somebody typed who may be nobody: resolved by the job, so that the answer does not depend on it.
    Column("login", Text, nullable=False),
    # What the mail names beside its reader, such as an endpoint.
    Column("about", Text, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("next_time", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_account_mails_next_time", "next_time"),
)

mailed_tokens = Table(
    "mailed_tokens",
    Base.metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("expire_time", Instant, nullable=False),
    Index("ix_mailed_tokens_user_id", "user_id"),
    Index("ix_mailed_tokens_expire_time", "expire_time"),
)
