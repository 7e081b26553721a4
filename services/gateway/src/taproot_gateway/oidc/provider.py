"""The enterprise's identity provider: discovery, keys, and exchanging a code (OpenID Connect Core and Discovery 1.0)."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any
from urllib.parse import quote, urlsplit

import jwt

from taproot_base import telemetry
from taproot_base.errors import Unavailable

FETCH_SECONDS = 5.0
REFETCH_SECONDS = 60.0
METADATA_SECONDS = 3600.0
_MOST_BYTES = 1_000_000


class Provider:
    """Keys are fetched when first needed, and again when a token names an unknown one.

    Whoever sends made-up tokens causes at most one fetch a minute.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._metadata: dict[str, Any] = {}
        self._metadata_at = 0.0
        self._keys: dict[str, Any] = {}
        self._fetched_at = -REFETCH_SECONDS
        self._guard = asyncio.Lock()

    async def metadata(self) -> dict[str, Any]:
        """The discovery document. Raises Unavailable."""
        if not self._metadata or time.monotonic() - self._metadata_at > METADATA_SECONDS:
            found = await self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise Unavailable("the discovery document names another issuer")
            self._metadata, self._metadata_at = found, time.monotonic()
        return self._metadata

    async def endpoint(self, name: str) -> str:
        """An address the provider names. Raises Unavailable; a secure issuer has secure endpoints only."""
        address = str((await self.metadata()).get(name) or "")
        if not address or (self.issuer.startswith("https:") and urlsplit(address).scheme != "https"):
            raise Unavailable(f"the identity provider has no usable {name}")
        return address

    async def key(self, key_id: str, *, vouched: bool = False) -> Any:
        """A signature key, None when there is none of that name.

        `vouched`: the token comes from the provider itself, so that an unknown key is worth a fetch at once.
        """
        if key_id not in self._keys:
            async with self._guard:
                due = vouched or time.monotonic() - self._fetched_at >= REFETCH_SECONDS
                if key_id not in self._keys and due:
                    self._fetched_at = time.monotonic()
                    await self._fetch_keys()
        return self._keys.get(key_id)

    async def exchange(self, form: dict[str, str], client_id: str, secret: str) -> dict[str, Any]:
        """The token endpoint's answer; an empty one when it refuses. Raises Unavailable."""
        import httpx  # loaded late: most installations have no issuer, and it takes 3 MB

        methods = (await self.metadata()).get("token_endpoint_auth_methods_supported") or [
            "client_secret_basic"
        ]
        headers = {}
        if secret and "client_secret_basic" in methods:
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form = form | {"client_id": client_id} | ({"client_secret": secret} if secret else {})
        try:
            async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
                answer = await client.post(await self.endpoint("token_endpoint"), data=form, headers=headers)
                found = answer.json() if len(answer.content) < _MOST_BYTES else {}
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("the identity provider does not answer") from error
        if answer.status_code != httpx.codes.OK:
            telemetry.logger.warning(
                "oidc_code_refused", status=answer.status_code, error=str(found.get("error"))
            )
            return {}
        return dict(found)

    async def _fetch_keys(self) -> None:
        try:
            listed = await self._get(await self.endpoint("jwks_uri"))
        except Unavailable as error:
            telemetry.logger.warning("oidc_keys_unavailable", error=str(error))
            return
        self._keys = dict(_usable(listed.get("keys", ())))

    async def _get(self, address: str) -> dict[str, Any]:
        import httpx

        try:
            async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
                return dict((await client.get(address)).raise_for_status().json())
        except (httpx.HTTPError, ValueError, TypeError) as error:
            raise Unavailable(f"the identity provider does not answer: {type(error).__name__}") from error


def _usable(keys: Any) -> list[tuple[str, Any]]:
    """Signature keys of kinds this build knows; others are left out, not an error. No shared secrets."""
    found = []
    for key in keys:
        try:
            if key.get("use", "sig") == "sig" and key.get("kty") != "oct":
                found.append((str(key.get("kid", "")), jwt.PyJWK(key).key))
        except (jwt.PyJWTError, AttributeError):
            continue
    return found
