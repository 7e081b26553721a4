"""Tokens of the identity provider: bearer tokens of its clients, ID tokens, logout tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import jwt

from taproot_base import telemetry
from taproot_gateway.oidc.provider import Provider

# No HMAC: its key would have to be shared with the provider, and `none` is no algorithm.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
LEEWAY_SECONDS = 30
FRESH_SECONDS = 600
"""How old an ID or logout token may be that comes from the provider this moment."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_PARTS = 3
_HALF_OF = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def looks_like_jwt(credential: str) -> bool:
    return credential.count(".") == _PARTS - 1


@dataclass(frozen=True)
class OidcSettings:
    issuer: str
    audience: str
    user_claim: str


class OidcVerifier:
    """Bearer tokens: the token proves who calls; what the caller may do is in the user record of that name.

    A name without a record is nobody: users are made at sign-in or by SCIM, not by whoever can get a token.
    """

    def __init__(self, settings: OidcSettings, provider: Provider | None = None) -> None:
        self._settings = settings
        self._provider = provider or Provider(settings.issuer)

    async def user_name(self, token: str) -> str | None:
        """Name of the user the token stands for; None when it is not valid."""
        claims = await verified(self._provider, token, self._settings.audience)
        # An ID or logout token of another client of the provider is no way in.
        if claims is None or "nonce" in claims or "events" in claims:
            return None
        name = claims.get(self._settings.user_claim)
        return name if isinstance(name, str) and name else None


async def verified(
    provider: Provider, token: str, audience: str, *, vouched: bool = False, subject: bool = True
) -> dict[str, Any] | None:
    """Claims of a token whose signature, issuer, audience and times are right; None for any other."""
    required = ["exp", "iat", "iss", "aud", *(["sub"] if subject else [])]
    try:
        header = jwt.get_unverified_header(token)
        key = await provider.key(str(header.get("kid", "")), vouched=vouched)
        if key is None:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": required},
        )
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        telemetry.logger.info("oidc_token_refused", reason=type(error).__name__)
        return None
    return claims


async def id_token(
    provider: Provider, answer: dict[str, Any], client_id: str, nonce: str
) -> dict[str, Any] | None:
    """Claims of the ID token in the token endpoint's answer (Core 1.0, 3.1.3.7); None when any check fails."""
    token = str(answer.get("id_token") or "")
    claims = await verified(provider, token, client_id, vouched=True)
    if claims is None:
        return None
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", client_id if len(audiences) == 1 else "")
    checks = {
        "nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        "azp": party == client_id,
        "iat": abs(time.time() - float(claims["iat"])) < FRESH_SECONDS,
        "at_hash": _at_hash_fits(token, claims, str(answer.get("access_token") or "")),
    }
    failed = [name for name, fits in checks.items() if not fits]
    if failed:
        telemetry.logger.warning("oidc_id_token_refused", checks=failed)
        return None
    return claims


async def logout_token(provider: Provider, token: str, client_id: str) -> dict[str, Any] | None:
    """Claims of a logout token (Back-Channel Logout 1.0, 2.6); None when any check fails."""
    claims = await verified(provider, token, client_id, subject=False)
    if claims is None or "nonce" in claims or not (claims.get("sub") or claims.get("sid")):
        return None
    events = claims.get("events")
    fresh = abs(time.time() - float(claims["iat"])) < FRESH_SECONDS
    return claims if fresh and isinstance(events, dict) and LOGOUT_EVENT in events else None


def _at_hash_fits(token: str, claims: dict[str, Any], access_token: str) -> bool:
    given = claims.get("at_hash")
    size = str(jwt.get_unverified_header(token).get("alg", ""))[-3:]
    if given is None or not access_token or size not in _HALF_OF:
        return given is None or not access_token
    digest = _HALF_OF[size](access_token.encode("ascii")).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    return hmac.compare_digest(half, str(given).encode())
