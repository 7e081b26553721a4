"""Who calls: a session token, an API key or a token of the identity provider to a principal and its internal token.

Both doors use this, so that REST and gRPC judge alike. What is found is remembered for some seconds:
a revocation here takes effect at once, one in another replica as soon as it is heard (`revocations.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from taproot_base.auth import TOKEN_SECONDS, Principal, TokenMinter

REMEMBER_SECONDS = 30.0
# An internal token is renewed while it still has half of its life, so that none ends on its way.
RENEW_SECONDS = TOKEN_SECONDS / 2
_MOST_REMEMBERED = 20_000
API = "api"


# What people need to get their own sign-in in order.
_OWN_SERVICES = ("taproot.identity.v1.SessionsService", "taproot.identity.v1.SecondFactorsService")


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    title: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a credential stands for."""

    principal: Principal
    session_id: str = ""
    """Empty for an API key."""
    must_change_password: bool = False
    must_enrol_second_factor: bool = False
    scope: str = API
    """What the credential opens."""

    def refusal(self, service: str) -> Refusal | None:
        """Why this caller may not call a method of a service yet, whatever its roles permit."""
        if service in _OWN_SERVICES:
            return None
        if self.must_change_password:
            return Refusal("PASSWORD_CHANGE_REQUIRED", "Choose a new password first")
        if self.must_enrol_second_factor:
            return Refusal("SECOND_FACTOR_REQUIRED", "Set up a second factor first")
        return None


@dataclass(slots=True)
class Caller:
    identity: Identity
    token: str
    """Internal token, to be sent to the services."""
    minted_at: float
    forget_at: float

    @property
    def principal(self) -> Principal:
        return self.identity.principal


Lookup = Callable[[str], Awaitable[Identity | None]]
"""A credential -> whom it stands for; None when it is unknown, expired or revoked."""


def credential_hash(credential: str) -> bytes:
    """How credentials are stored: they are 256 random bits, so a plain hash cannot be reversed."""
    return hashlib.sha256(credential.encode()).digest()


class Callers:
    def __init__(
        self, lookup: Lookup, minter: TokenMinter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lookup = lookup
        self._minter = minter
        self._clock = clock
        self.remember_seconds = REMEMBER_SECONDS
        """Shortened while revocations elsewhere cannot be heard."""
        self._known: dict[bytes, Caller] = {}
        self._anonymous = self._caller(Identity(Principal.anonymous()))

    async def find(self, credential: str, scope: str = API) -> Caller | None:
        """The caller behind a credential; None when it is not valid, or not for this."""
        key = credential_hash(credential)
        caller = self._known.get(key)
        if caller is None or caller.forget_at <= self._clock():
            identity = await self._lookup(credential)
            if identity is None:
                self._known.pop(key, None)
                return None
            caller = self._remember(key, identity)
        return self._fresh(caller) if caller.identity.scope == scope else None

    def anonymous(self) -> Caller:
        return self._fresh(self._anonymous)

    def forget_user(self, user_id: str) -> None:
        """After a change of what a user may do, or of a session or key of the user."""
        for key in [k for k, caller in self._known.items() if caller.principal.subject == user_id]:
            del self._known[key]

    def forget_all(self) -> None:
        self._known.clear()

    def _remember(self, key: bytes, identity: Identity) -> Caller:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        caller = self._known[key] = self._caller(identity)
        return caller

    def _caller(self, identity: Identity) -> Caller:
        now = self._clock()
        token = self._minter.mint(identity.principal)
        return Caller(identity, token, now, now + self.remember_seconds)

    def _fresh(self, caller: Caller) -> Caller:
        if self._clock() - caller.minted_at > RENEW_SECONDS:
            caller.token = self._minter.mint(caller.principal)
            caller.minted_at = self._clock()
        return caller
