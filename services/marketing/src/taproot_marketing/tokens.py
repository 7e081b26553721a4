"""Signed tokens for people who are not signed in: a form that was shown, a link in a mail.

`<version>.<purpose>.<payload>.<signature>`, URL-safe; HMAC-SHA-256 over everything before the signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson


class InvalidTokenError(Exception):
    """Forged, damaged, for another purpose or too old."""


@dataclass(frozen=True, slots=True)
class Signer:
    """`keys`: the first signs, all verify, so that a key can be changed while links are out."""

    keys: tuple[bytes, ...]

    def sign(self, purpose: str, subject: str, now: datetime) -> str:
        payload = orjson.dumps([subject, int(now.timestamp())])
        body = f"1.{purpose}.{_encode(payload)}"
        return f"{body}.{_signature(self.keys[0], body)}"

    def read(self, purpose: str, token: str) -> tuple[str, datetime]:
        """Subject and time of signing."""
        body, _, signature = token.rpartition(".")
        if not any(
            hmac.compare_digest(_signature(key, body).encode(), signature.encode()) for key in self.keys
        ):
            raise InvalidTokenError
        version, claimed, payload = body.split(".", 2)
        if version != "1" or claimed != purpose:
            raise InvalidTokenError
        subject, seconds = orjson.loads(_decode(payload))
        return subject, datetime.fromtimestamp(seconds, tz=UTC)

    def read_fresh(self, purpose: str, token: str, now: datetime, limit: timedelta) -> tuple[str, datetime]:
        subject, signed = self.read(purpose, token)
        if now - signed > limit:
            raise InvalidTokenError
        return subject, signed


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(key: bytes, body: str) -> str:
    return _encode(hmac.new(key, body.encode(), hashlib.sha256).digest()[:20])
