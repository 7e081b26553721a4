"""Tables of credentials and sessions, and what can go wrong with them.

None of it is announced: credentials never leave this database, and a session concerns nobody else.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Double, Index, Integer, LargeBinary, Table, Text, Uuid

from taproot_base.errors import AppError, InvalidArgument, Kind, NotFound, ResourceExhausted
from taproot_gateway.base import Base

Instant = DateTime(timezone=True)


class CredentialsInvalid(AppError):
    """The same answer for an unknown name, a wrong password and a disabled user."""

    kind = Kind.UNAUTHENTICATED
    reason = "CREDENTIALS_INVALID"

    def __init__(self) -> None:
        super().__init__("user name or password is wrong")


class PasswordWrong(AppError):
    kind = Kind.DENIED
    reason = "PASSWORD_WRONG"

    def __init__(self) -> None:
        super().__init__("the current password is wrong")


class PasswordTooCommon(InvalidArgument):
    reason = "PASSWORD_TOO_COMMON"

    def __init__(self, field: str) -> None:
        super().__init__([(field, "is among the first that would be tried; choose another")])


class PasswordTooShort(InvalidArgument):
    reason = "PASSWORD_TOO_SHORT"

    def __init__(self, field: str, least: int) -> None:
        super().__init__([(field, f"must have at least {least} characters")])


class PasswordHasName(InvalidArgument):
    reason = "PASSWORD_HAS_NAME"

    def __init__(self, field: str) -> None:
        super().__init__([(field, "must not contain the user's name or address")])


class PasswordBreached(InvalidArgument):
    reason = "PASSWORD_BREACHED"

    def __init__(self, field: str) -> None:
        super().__init__([(field, "is on the list of stolen passwords; choose another")])


class PasswordUnchanged(InvalidArgument):
    reason = "PASSWORD_UNCHANGED"

    def __init__(self, field: str) -> None:
        super().__init__([(field, "is the password until now; choose another")])


class SignInLocked(ResourceExhausted):
    reason = "SIGN_IN_LOCKED"
    audited = True

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many attempts; try again later", retry_after)


class NoSuchSession(NotFound):
    def __init__(self, key: object) -> None:
        super().__init__("session", key)


credentials = Table(
    "credentials",
    Base.metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("changed_time", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("last_used_time", Instant, nullable=False),
    Column("expire_time", Instant, nullable=False),
    Column("ip_address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("second_factor", Boolean, nullable=False),
    Index("uq_sessions_token_hash", "token_hash", unique=True),
    Index("ix_sessions_user_id", "user_id", "create_time"),
    Index("ix_sessions_expire_time", "expire_time"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    Base.metadata,
    # What is counted, such as `address:` and an address. Of names only hashes, whether or not there is such a user.
    Column("key", Text, primary_key=True),
    Column("count", Double, nullable=False),
    Column("level", Integer, nullable=False),
    Column("last_time", Instant, nullable=False),
    Column("locked_until", Instant),
    Index("ix_sign_in_attempts_last_time", "last_time"),
)

sign_in_places = Table(
    "sign_in_places",
    Base.metadata,
    # Hashes of a user name and of a network address from which that user has signed in.
    Column("key", Text, primary_key=True),
    Column("last_time", Instant, nullable=False),
    Index("ix_sign_in_places_last_time", "last_time"),
)
