"""Codes: those of the authenticator (RFC 6238: SHA-1, 6 digits, 30 seconds) and those for recovery. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DRIFT_STEPS = 1
"""How many steps a clock may be off, either way."""
RECOVERY_CODES = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 4
_DIGITS = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """160 bits in base 32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def address(secret: str, user_name: str, issuer: str) -> str:
    """`otpauth://` for a QR code."""
    uri: str = pyotp.TOTP(secret).provisioning_uri(name=user_name, issuer_name=issuer)
    return uri


def is_timed(code: str) -> bool:
    return _DIGITS.fullmatch(code.strip()) is not None


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is; None when it is none of now's. Looks at every step, whichever fits."""
    current = int(now.timestamp()) // STEP_SECONDS
    totp, found = pyotp.TOTP(secret), None
    for step in range(max(current - DRIFT_STEPS, 0), current + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.at(step * STEP_SECONDS).encode(), code.strip().encode()):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Without letters and digits that look alike."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> bytes:
    """However somebody typed it."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).upper().encode()).digest()
