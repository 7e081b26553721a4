"""Hashing of passwords: argon2id (RFC 9106)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# The library lets go of the interpreter's lock while it hashes, so threads do; two bound the memory (64 MiB each).
_WORKERS = 2


class Hasher:
    """Hashing takes tens of milliseconds and must not hold up the loop."""

    def __init__(self) -> None:
        self._argon2 = PasswordHasher()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="argon2")
        # Verified against when there is no such user, so that the time of an answer tells nothing.
        self._nobody = self._argon2.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._argon2.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """False as well when there is nothing stored, after the same time."""
        matches = await asyncio.get_running_loop().run_in_executor(
            self._pool, self._matches, stored or self._nobody, password
        )
        return matches and stored is not None

    def needs_rehash(self, stored: str) -> bool:
        """True for a hash made with weaker parameters than today's."""
        return self._argon2.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
