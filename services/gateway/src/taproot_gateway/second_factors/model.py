"""Tables of second factors, and what can go wrong with them. Nothing of it is announced."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, Table, Uuid

from taproot_base.errors import AppError, Kind
from taproot_gateway.base import Base

Instant = DateTime(timezone=True)


class SecondFactorWrong(AppError):
    """At sign-in: the same answer for a wrong code, one used before and a sign-in that has ended."""

    kind = Kind.UNAUTHENTICATED
    reason = "SECOND_FACTOR_WRONG"

    def __init__(self) -> None:
        super().__init__("the code is wrong or was used before; try the next one, or sign in again")


class CodeWrong(AppError):
    kind = Kind.DENIED
    reason = "SECOND_FACTOR_CODE_WRONG"

    def __init__(self) -> None:
        super().__init__("the code is wrong or was used before")


class SecondFactorExists(AppError):
    kind = Kind.STATE
    reason = "SECOND_FACTOR_EXISTS"

    def __init__(self) -> None:
        super().__init__("there is a second factor; remove it first")


class SecondFactorNotBegun(AppError):
    kind = Kind.STATE
    reason = "SECOND_FACTOR_NOT_BEGUN"

    def __init__(self) -> None:
        super().__init__("begin with EnrolSecondFactor")


class SecondFactorRequired(AppError):
    kind = Kind.STATE
    reason = "SECOND_FACTOR_REQUIRED"

    def __init__(self) -> None:
        super().__init__("a role asks for a second factor")


second_factors = Table(
    "second_factors",
    Base.metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("create_time", Instant, nullable=False),
    Column("confirm_time", Instant),
    # The time step of the last code that was taken: no code works twice.
    Column("last_step", BigInteger, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    Base.metadata,
    # 80 random bits: a plain hash cannot be reversed.
    Column("code_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Index("ix_recovery_codes_user_id", "user_id"),
)

sign_in_challenges = Table(
    "sign_in_challenges",
    Base.metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("expire_time", Instant, nullable=False),
    Index("ix_sign_in_challenges_user_id", "user_id"),
    Index("ix_sign_in_challenges_expire_time", "expire_time"),
)
