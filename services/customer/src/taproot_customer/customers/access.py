"""Tokens by which somebody may ask for access to a customer he cannot see."""

from __future__ import annotations

import base64
import uuid

from cryptography.fernet import Fernet, InvalidToken

from taproot_base.context import current_call

TOKEN_SECONDS = 7 * 24 * 3600


class AccessTokens:
    """Opaque: encrypted, bound to the caller, and different each time."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Fernet(base64.urlsafe_b64encode(key))

    def issue(self, customer_id: uuid.UUID) -> str:
        subject = current_call().principal.subject
        return self._cipher.encrypt(f"{customer_id} {subject}".encode()).decode()

    def read(self, token: str) -> uuid.UUID | None:
        """The customer, if the token was issued to the caller and has not expired."""
        try:
            key, _, subject = self._cipher.decrypt(token.encode(), ttl=TOKEN_SECONDS).decode().partition(" ")
        except InvalidToken:
            return None
        return uuid.UUID(key) if subject == current_call().principal.subject else None
