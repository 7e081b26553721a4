"""Bearer tokens of the enterprise's own identity provider (OpenID Connect Core 1.0, discovery and JWKS).

The token proves who calls; what the caller may do is in the user record of that name. A name without a
record is nobody: users are made here, not by whoever can get a token.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import jwt

from taproot_base import telemetry

# No HMAC: its key would have to be shared with the provider, and `none` is no algorithm.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
FETCH_SECONDS = 5.0
REFETCH_SECONDS = 60.0
LEEWAY_SECONDS = 30
_PARTS = 3


def looks_like_jwt(credential: str) -> bool:
    return credential.count(".") == _PARTS - 1


@dataclass(frozen=True)
class OidcSettings:
    issuer: str
    audience: str
    user_claim: str


class OidcVerifier:
    """Keys are fetched when first needed, and again, at most once a minute, when a token names an unknown one."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._keys: dict[str, Any] = {}
        self._fetched_at = -REFETCH_SECONDS
        self._guard = asyncio.Lock()

    async def user_name(self, token: str) -> str | None:
        """Name of the user the token stands for; None when it is not valid."""
        try:
            key = await self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            telemetry.logger.info("oidc_token_refused", reason=type(error).__name__)
            return None
        name = claims.get(self._settings.user_claim)
        return name if isinstance(name, str) and name else None

    async def _key(self, key_id: str) -> Any:
        if key_id not in self._keys:
            async with self._guard:
                if key_id not in self._keys and time.monotonic() - self._fetched_at >= REFETCH_SECONDS:
                    self._fetched_at = time.monotonic()
                    await self._fetch()
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        import httpx  # loaded late: most installations have no issuer, and it takes 3 MB

        try:
            async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
                where = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = (await client.get(where)).raise_for_status().json()
                keys_url = _keys_url(found, self._settings.issuer)
                listed = (await client.get(keys_url)).raise_for_status().json()
        except (httpx.HTTPError, ValueError, KeyError) as error:
            telemetry.logger.warning("oidc_keys_unavailable", error=type(error).__name__)
            return
        self._keys = dict(_usable(listed.get("keys", ())))


def _keys_url(discovered: Any, issuer: str) -> str:
    """Raises ValueError when the document is of another issuer, KeyError when it names no keys."""
    if discovered.get("issuer") != issuer:
        raise ValueError("the discovery document names another issuer")
    return str(discovered["jwks_uri"])


def _usable(keys: Any) -> list[tuple[str, Any]]:
    """Signature keys of kinds this build knows; others are left out, not an error."""
    found = []
    for key in keys:
        try:
            if key.get("use", "sig") == "sig":
                found.append((str(key.get("kid", "")), jwt.PyJWK(key).key))
        except jwt.PyJWTError:
            continue
    return found
