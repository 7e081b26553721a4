"""What is served besides the API: start page, documentation, health and metrics."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Callable
from functools import lru_cache

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from taproot_gateway.backends import Backends
from taproot_gateway.http.calls import IDENTITY, Handler
from taproot_gateway.http.conditional import not_modified
from taproot_gateway.http.exchange import Answer, Header, Request

_PAGE_POLICY: Header = (
    b"content-security-policy",
    (
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_STATIC = {
    "/": "index.html", "/docs": "docs.html", "/docs.js": "docs.js", "/style.css": "style.css",
    "/account": "account.html", "/account.js": "account.js",
}  # fmt: skip
_MAIL_CARD = (
    '<li><a href="{url}"><strong>Mail · <span lang="zh-CN">邮件</span></strong>'
    '<span>Mails this installation has sent.</span><span lang="zh-CN">本系统发出的邮件。</span></a></li>'
)


def pages(document: Callable[[], bytes], backends: Backends, mail_url: str = "") -> dict[str, Handler]:
    """`document` makes the OpenAPI document when asked for it, the same one until it changes."""
    found: dict[str, Handler] = {path: _static(name, mail_url) for path, name in _STATIC.items()}
    found["/openapi.json"] = _made_late(document, "application/json")
    found["/healthz"] = _healthz
    found["/readyz"] = _readyz(backends)
    found["/metrics"] = _metrics
    return found


def _static(name: str, mail_url: str) -> Handler:
    text = importlib.resources.files("taproot_gateway").joinpath("static", name).read_text(encoding="utf-8")
    if mail_url.startswith(("http://", "https://")):
        text = text.replace("<!--mail-->", _MAIL_CARD.format(url=mail_url.replace('"', "%22")))
    return _fixed(text.encode(), _TYPES[name.rpartition(".")[2]])


def _fixed(body: bytes, content_type: str) -> Handler:
    tag = f'"{hashlib.blake2b(body, digest_size=8).hexdigest()}"'

    async def page(request: Request) -> Answer:
        unchanged = not_modified(request.headers.get("if-none-match", ""), tag)
        headers: list[Header] = [(b"etag", tag.encode())]
        content = b"" if unchanged else body
        return Answer(304 if unchanged else 200, content, content_type, headers, b"no-cache", _PAGE_POLICY)

    return page


def _made_late(make: Callable[[], bytes], content_type: str) -> Handler:
    made = lru_cache(maxsize=1)(lambda body: _fixed(body, content_type))

    async def page(request: Request) -> Answer:
        return await made(make())(request)

    return page


async def _healthz(_request: Request) -> Answer:
    """This process is alive; says nothing about others, so that a restart is never asked for in vain."""
    return Answer(200, b'{"status":"serving"}')


def _readyz(backends: Backends) -> Handler:
    """Ready when this gateway can sign callers in. `?backends=all` asks for every service.

    A gateway that left the balancer because one service is down would take the others down with it.
    """

    async def page(request: Request) -> Answer:
        found = await backends.healthy()
        wanted = found.values() if "backends=all" in request.query else [found.get(IDENTITY, False)]
        ready = all(wanted) and not backends.draining
        body = {
            "status": "ready" if ready else "not ready",
            "backends": {name: "serving" if up else "unreachable" for name, up in found.items()},
        }
        return Answer(200 if ready else 503, orjson.dumps(body))

    return page


async def _metrics(_request: Request) -> Answer:
    return Answer(200, generate_latest(), CONTENT_TYPE_LATEST)
