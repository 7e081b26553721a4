"""Secrets that must be read again are stored sealed: AES-256-GCM, bound to what they belong to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from taproot_gateway.settings import GatewaySettings

_VERSION = b"\x01"
_NAME, _NONCE = 4, 12


class SealBroken(Exception):
    """Sealed with a key that is gone, for something else, or changed since."""


class Sealer:
    """Seals with the first key and opens with any, so that keys can be changed."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        keys = [_derived(secret) for secret in secrets]
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self._current = _name(keys[0])

    @classmethod
    def of(cls, settings: GatewaySettings) -> Sealer:
        given = [part.strip().encode() for part in settings.sealing_keys.split(",") if part.strip()]
        return cls(given or [(settings.keys_dir / "identity.pem").read_bytes()])

    def seal(self, plain: bytes, about: str) -> bytes:
        """`about`: what the secret belongs to, such as a user's id; needed to open it."""
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, about.encode())
        return _VERSION + self._current + nonce + sealed

    def open(self, sealed: bytes, about: str) -> bytes:
        """Raises SealBroken."""
        name, rest = sealed[1 : 1 + _NAME], sealed[1 + _NAME :]
        cipher = self._ciphers.get(name)
        if sealed[:1] != _VERSION or cipher is None:
            raise SealBroken
        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], about.encode())
        except InvalidTag as error:
            raise SealBroken from error


def _derived(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"taproot sealing").derive(secret)


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"name" + key).digest()[:_NAME]
