"""Use cases of signing in and out at the provider: authorization code with PKCE (RFC 7636), state, nonce and iss."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from taproot_base import telemetry
from taproot_base.context import about
from taproot_gateway.oidc import queries
from taproot_gateway.oidc.accounts import Account, user_of
from taproot_gateway.oidc.model import OidcSignInFailed
from taproot_gateway.oidc.provider import Provider
from taproot_gateway.oidc.tokens import id_token, logout_token
from taproot_gateway.sealing import SealBroken, Sealer
from taproot_gateway.sessions import store
from taproot_gateway.sessions.opening import OIDC, Origin, open_session
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import Database

FLOW_SECONDS = 600
_STRONG = frozenset({"mfa", "otp", "hwk", "swk", "sms", "tel", "fpt", "face", "sc"})
"""Authentication methods (RFC 8176) that are, or come after, a second factor."""


@dataclass(frozen=True)
class Flow:
    """One sign-in under way. It lives sealed in a cookie of the browser that began it, and nowhere else."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    until: float


class OidcSignIns:
    def __init__(self, database: Database, provider: Provider, settings: GatewaySettings) -> None:
        self._database = database
        self._provider = provider
        self._settings = settings
        self._sealer = Sealer.of(settings)
        self._redirect = settings.public_url.rstrip("/") + "/auth/oidc/callback"

    async def begin(self, return_to: str) -> tuple[str, str]:
        """Where to send the browser, and the cookie it must bring back. Raises Unavailable."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = Flow(state, nonce, verifier, own_path(return_to), time.time() + FLOW_SECONDS)
        digest = hashlib.sha256(flow.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect,
            "scope": self._settings.oidc_scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self._settings.oidc_acr:
            asked["acr_values"] = self._settings.oidc_acr
        where = await self._provider.endpoint("authorization_endpoint")
        sealed = self._sealer.seal(json.dumps(asdict(flow)).encode(), "oidc flow")
        joined = "&" if "?" in where else "?"
        return where + joined + urlencode(asked), base64.urlsafe_b64encode(sealed).decode()

    async def complete(self, query: Mapping[str, str], cookie: str, origin: Origin) -> tuple[str, str]:
        """A new session's token and where to go. Raises OidcSignInFailed, OidcNoUser, Unavailable."""
        flow = self._flow(cookie)
        await self._check_answer(query, flow)
        form = {
            "grant_type": "authorization_code",
            "code": query.get("code", ""),
            "redirect_uri": self._redirect,
            "code_verifier": flow.verifier,
        }
        settings = self._settings
        answer = await self._provider.exchange(form, settings.oidc_client_id, settings.oidc_client_secret)
        claims = (
            await id_token(self._provider, answer, settings.oidc_client_id, flow.nonce) if answer else None
        )
        if claims is None or (settings.oidc_acr and claims.get("acr") not in settings.oidc_acr.split()):
            raise _failed("id_token" if claims is None else "acr")
        return await self._open(claims, str(answer["id_token"]), origin), flow.return_to

    async def leave(self, session_id: uuid.UUID, user_id: uuid.UUID) -> str:
        """Ends a session here; answers where to end it at the provider, empty when it was not opened there."""
        async with self._database.unit() as work:
            row = await queries.find_session(work, session_id)
            await store.end_session(work, user_id, session_id)
        if row is None or not (await self._provider.metadata()).get("end_session_endpoint"):
            return ""
        hint = self._sealer.open(row["id_token_sealed"], str(session_id)).decode()
        asked = {
            "client_id": self._settings.oidc_client_id,
            "id_token_hint": hint,
            "post_logout_redirect_uri": self._settings.public_url.rstrip("/") + "/",
        }
        return await self._provider.endpoint("end_session_endpoint") + "?" + urlencode(asked)

    async def end_by_provider(self, token: str) -> bool:
        """The provider says that a session or an account has signed out there. False for a token that is not valid."""
        claims = await logout_token(self._provider, token, self._settings.oidc_client_id)
        if claims is None:
            return False
        named = (str(claims.get("sub") or ""), str(claims.get("sid") or ""))
        async with self._database.unit() as work:
            for row in await queries.named_sessions(work, self._provider.issuer, *named):
                await store.end_session(work, row["user_id"], row["id"])
        return True

    async def _check_answer(self, query: Mapping[str, str], flow: Flow) -> None:
        """State, error and issuer (RFC 9207) of the provider's answer."""
        if not hmac.compare_digest(query.get("state", "").encode(), flow.state.encode()):
            raise _failed("state")
        named = query.get("iss")
        always = (await self._provider.metadata()).get(
            "authorization_response_iss_parameter_supported"
        ) is True
        if (named or always) and named != self._provider.issuer:
            raise _failed("iss")
        if "error" in query or not query.get("code"):
            raise _failed(f"provider: {query.get('error', '')[:60]}")

    async def _open(self, claims: Mapping[str, Any], token: str, origin: Origin) -> str:
        account = Account.of(claims, self._settings)
        methods = claims.get("amr")
        strong = bool(self._settings.oidc_acr) or bool(
            isinstance(methods, list) and _STRONG & set(map(str, methods))
        )
        async with self._database.unit([account.lock]) as work:
            user = await user_of(account, self._settings, work)
            about(user.id)
            row, session_token = await open_session(
                work, user.id, origin, self._settings, method=OIDC, second_factor=strong
            )
            sealed = self._sealer.seal(token.encode(), str(row["id"]))
            tied = {"issuer": account.issuer, "subject": account.subject, "sid": str(claims.get("sid") or "")}
            await queries.add_session(work, {"session_id": row["id"], "id_token_sealed": sealed, **tied})
        return session_token

    def _flow(self, cookie: str) -> Flow:
        try:
            sealed = base64.urlsafe_b64decode(cookie.encode("ascii", "replace"))
            flow = Flow(**json.loads(self._sealer.open(sealed, "oidc flow")))
        except (SealBroken, ValueError) as error:
            raise _failed("cookie") from error
        if flow.until < time.time():
            raise _failed("late")
        return flow


def own_path(text: str) -> str:
    """A path of this site; anything that could lead elsewhere becomes the start page."""
    if not text.startswith("/") or text.startswith(("//", "/\\")) or not text.isprintable() or "\\" in text:
        return "/"
    return text[:500]


def _failed(why: str) -> OidcSignInFailed:
    telemetry.logger.warning("oidc_sign_in_failed", why=why)
    return OidcSignInFailed()
