"""How much a caller may ask for: token buckets per key, user, branch and address (ADR 0024).

Told by the RateLimit fields of draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import asyncpg
from prometheus_client import Counter

from taproot_base import telemetry
from taproot_base.errors import AppError, ResourceExhausted
from taproot_gateway.callers import Caller, credential_hash
from taproot_gateway.http import buckets
from taproot_gateway.http.exchange import Header
from taproot_gateway.oidc import looks_like_jwt
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Database

MINUTE = 60.0
DAY = 86_400.0
_MOST_REMEMBERED = 20_000
_UNAVAILABLE = (AppError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_refused = Counter("taproot_rate_limited_total", "Requests refused because too many were made", ["policy"])
_unshared = Counter("taproot_rate_limit_unshared_total", "Handfuls given without asking the shared bucket")


class RateLimited(ResourceExhausted):
    reason = "RATE_LIMITED"

    def __init__(self, policy: Policy, retry_after: float) -> None:
        super().__init__(
            f"the limit of this {policy.name} is {policy.quota} in {policy.window:g} s", retry_after
        )
        self.metadata = {"policy": policy.name}
        self.headers: list[Header] = [
            (b"ratelimit-policy", f'"{policy.name}";q={policy.quota};w={policy.window:.0f}'.encode()),
            (b"ratelimit", f'"{policy.name}";r=0;t={math.ceil(retry_after)}'.encode()),
        ]


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `quota` requests in `window` seconds; also the burst."""

    name: str
    quota: int
    window: float

    @property
    def rate(self) -> float:
        return self.quota / self.window


@dataclass(slots=True)
class _Purse:
    """What this gateway has taken out of one bucket and not spent."""

    policy: Policy
    key: str
    tokens: int = 0
    shared: float = 0.0
    shared_at: float = 0.0
    empty_until: float = 0.0
    guard: asyncio.Lock = field(default_factory=asyncio.Lock)

    def left(self, now: float) -> int:
        refilled = min(self.policy.quota, self.shared + (now - self.shared_at) * self.policy.rate)
        return max(0, min(self.policy.quota, math.floor(self.tokens + refilled)))


class Limiter:
    """`admit` for each request. Most are a dictionary look-up and a subtraction."""

    def __init__(
        self, database: Database, policies: Sequence[Policy], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._policies = {policy.name: policy for policy in policies if policy.quota > 0}
        self._clock = clock
        self._purses: dict[tuple[str, str], _Purse] = {}

    @classmethod
    def of(cls, settings: GatewaySettings, database: Database) -> Limiter:
        policies = [
            Policy("key", settings.requests_per_key, MINUTE),
            Policy("user", settings.requests_per_user, MINUTE),
            Policy("branch", settings.requests_per_branch, MINUTE),
            Policy("branch-day", settings.requests_per_branch_day, DAY),
            Policy("address", settings.requests_per_address, MINUTE),
        ]
        return cls(database, policies)

    async def admit(self, caller: Caller, credential: str, address: str, cost: int = 1) -> list[_Purse]:
        """What was paid from, for the headers. Raises RateLimited; then nothing is paid."""
        if not self._policies:
            return []
        purses = [self._purse(name, key) for name, key in self._subjects(caller, credential, address)]
        for index, purse in enumerate(purses):
            price = min(cost, purse.policy.quota)  # what costs more than all there can be would never pass
            if purse.tokens < price:
                await self._refill(purse, price)
            if purse.tokens < price:
                for paid in purses[:index]:
                    paid.tokens += min(cost, paid.policy.quota)
                _refused.labels(purse.policy.name).inc()
                raise RateLimited(purse.policy, max(0.001, purse.empty_until - self._clock()))
            purse.tokens -= price
        return purses

    def headers(self, purses: Sequence[_Purse]) -> list[Header]:
        """The tightest limit as it stands, and all that hold."""
        if not purses:
            return []
        now = self._clock()
        left = [(purse.left(now), purse.policy) for purse in purses]
        least, policy = min(left, key=lambda pair: pair[0] / pair[1].quota)
        reset = math.ceil((policy.quota - least) / policy.rate)
        policies = ", ".join(f'"{one.name}";q={one.quota};w={one.window:.0f}' for _, one in left)
        return [
            (b"ratelimit-policy", policies.encode()),
            (b"ratelimit", f'"{policy.name}";r={least};t={reset}'.encode()),
        ]

    def _subjects(self, caller: Caller, credential: str, address: str) -> list[tuple[str, str]]:
        principal, known = caller.principal, self._policies
        if principal.kind == "anonymous":
            return [("address", address)] if "address" in known else []
        found = []
        if "key" in known and not (caller.identity.session_id or looks_like_jwt(credential)):
            found.append(("key", credential_hash(credential)[:12].hex()))
        if "user" in known:
            found.append(("user", principal.subject))
        if principal.branch_id:
            found += [(name, principal.branch_id) for name in ("branch", "branch-day") if name in known]
        return found

    def _purse(self, name: str, key: str) -> _Purse:
        purse = self._purses.get((name, key))
        if purse is None:
            if len(self._purses) >= _MOST_REMEMBERED:
                self._purses.clear()
            purse = self._purses[name, key] = _Purse(self._policies[name], f"{name}:{key}")
        return purse

    async def _refill(self, purse: _Purse, cost: int) -> None:
        async with purse.guard:
            if purse.tokens >= cost or self._clock() < purse.empty_until:
                return
            policy = purse.policy
            try:
                taken = await buckets.take(self._database, purse.key, policy.quota, policy.rate, cost)
            except _UNAVAILABLE as error:
                # Without the shared count each gateway counts alone: better than refusing everybody.
                telemetry.logger.warning("rate_limit_unshared", error=type(error).__name__)
                _unshared.inc()
                taken = buckets.Taken(max(cost, policy.quota // buckets.HANDFULS), 0.0)
            purse.tokens += taken.tokens
            purse.shared, purse.shared_at = taken.left, self._clock()
            if purse.tokens < cost:
                purse.empty_until = self._clock() + (cost - purse.tokens - taken.left) / policy.rate
