"""Credentials of an HTTP request, cookies, and the defence against requests forged by other sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from taproot_gateway.http.exchange import Header, Request

COOKIE = "taproot_session"
CSRF_HEADER = "x-taproot-request"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Credential:
    value: str
    from_cookie: bool


@dataclass(frozen=True, slots=True)
class Cookies:
    """`secure` for doors behind TLS: the `__Host-` prefix then ties the cookie to this very host."""

    secure: bool

    @property
    def name(self) -> str:
        return f"__Host-{COOKIE}" if self.secure else COOKIE

    def set(self, token: str, seconds: int) -> Header:
        return self._header(f"{self.name}={token}; Max-Age={seconds}")

    def clear(self) -> Header:
        return self._header(f"{self.name}=; Max-Age=0")

    def _header(self, start: str) -> Header:
        flags = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "")
        return (b"set-cookie", (start + flags).encode("latin-1"))

    def credential(self, request: Request) -> Credential | None:
        """The Authorization header, else the cookie."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and value.strip():
            return Credential(value.strip(), from_cookie=False)
        cookie = self._cookie(request.headers.get("cookie", ""))
        return Credential(cookie, from_cookie=True) if cookie else None

    def _cookie(self, header: str) -> str:
        if self.name not in header:
            return ""
        try:
            found = SimpleCookie(header).get(self.name)
        except CookieError:
            return ""
        return found.value if found else ""


def same_site(request: Request, allowed: Iterable[str]) -> bool:
    """Whether a browser says the request comes from our own pages or from an origin that is allowed.

    Browsers send Origin with every POST, PUT, PATCH and DELETE, or at least Sec-Fetch-Site. Whoever sends
    neither is no current browser and must set the header `X-Taproot-Request`, which no form of another site can.
    """
    origin = request.headers.get("origin", "")
    if origin:
        return origin in allowed or urlsplit(origin).netloc == request.headers.get("host", "")
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site in ("same-origin", "none")
    return CSRF_HEADER in request.headers


def preflight(origin: str, methods: Iterable[str], *, credentials: bool) -> list[Header]:
    allowed = (
        "authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, " + CSRF_HEADER
    )
    headers = [
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", allowed.encode()),
        (b"access-control-max-age", b"600"),
    ]
    return headers + cors(origin, credentials=credentials)


def cors(origin: str, *, credentials: bool) -> list[Header]:
    headers = [
        (b"access-control-allow-origin", origin.encode("latin-1") if credentials else b"*"),
        (b"access-control-expose-headers", b"etag, retry-after, traceparent, ratelimit, ratelimit-policy"),
        (b"vary", b"origin"),
    ]
    return [*headers, (b"access-control-allow-credentials", b"true")] if credentials else headers
