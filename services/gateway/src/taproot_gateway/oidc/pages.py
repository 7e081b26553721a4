"""The addresses a browser and the provider call: plain HTTP, since redirects and cookies have no gRPC form."""

from __future__ import annotations

import uuid
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote

import orjson

from taproot_base.audit import Note
from taproot_base.context import Call, calling
from taproot_base.errors import AppError
from taproot_chassis.audit import DENIED
from taproot_gateway.callers import Callers
from taproot_gateway.http.calls import Handler, problem_answer
from taproot_gateway.http.exchange import Answer, BodyTooLarge, BodyTooSlow, Header, Request
from taproot_gateway.http.limits import Limiter
from taproot_gateway.http.security import Cookies, same_site
from taproot_gateway.oidc.handlers import FLOW_SECONDS, OidcSignIns
from taproot_gateway.refusals import Refusals
from taproot_gateway.sessions.opening import Origin
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.transcoding.problems import Problem, from_app_error

PREFIX = "/auth/oidc/"
COOKIE = "taproot_oidc"
_MOST_BODY = 64_000


class OidcPages:
    def __init__(
        self,
        sign_ins: OidcSignIns,
        callers: Callers,
        cookies: Cookies,
        limiter: Limiter,
        refusals: Refusals,
        settings: GatewaySettings,
        system: Call,
    ) -> None:
        self._sign_ins = sign_ins
        self._callers = callers
        self._cookies = cookies
        self._limiter = limiter
        self._refusals = refusals
        self._settings = settings
        self._system = system
        self._pages: dict[tuple[str, str], Handler] = {
            ("GET", "login"): self._login,
            ("GET", "callback"): self._callback,
            ("POST", "logout"): self._logout,
            ("POST", "backchannel"): self._backchannel,
        }

    async def serve(self, request: Request) -> Answer:
        name = request.path.removeprefix(PREFIX)
        page = self._pages.get((request.method, name))
        if page is None:
            return problem_answer(Problem(404, "There is nothing here", reason="NO_ROUTE"))
        try:
            await self._limiter.admit(self._callers.anonymous(), "", request.client)
            with calling(replace(self._system, method=f"oidc {name}", note=Note())):
                answer = await page(request)
        except AppError as error:
            if error.kind in DENIED:
                self._refusals.note(error.reason, f"oidc {name}", request.client)
            refused = problem_answer(from_app_error(error))
            refused.headers += getattr(error, "headers", [])
            return refused
        except (BodyTooLarge, BodyTooSlow):
            return problem_answer(Problem(400, "The body cannot be read", reason="BODY_UNREADABLE"))
        self._callers.forget_all()  # whoever signed in or out
        return answer

    async def _login(self, request: Request) -> Answer:
        where, cookie = await self._sign_ins.begin(_query(request).get("return_to", "/"))
        return _redirect(where, [self._cookie(cookie, FLOW_SECONDS)])

    async def _callback(self, request: Request) -> Answer:
        previous = await self._session(request)
        agent = request.headers.get("user-agent", "").encode("ascii", "ignore").decode()
        origin = Origin(request.client, agent, previous[0] if previous else None)
        token, return_to = await self._sign_ins.complete(_query(request), _read(request), origin)
        seconds = int(self._settings.session_hours * 3600)
        return _redirect(quote(return_to, safe="/?&=#%:;,+@!$'()*~-._"), [
            self._cookies.set(token, seconds),
            self._cookie("", 0),
        ])  # fmt: skip

    async def _logout(self, request: Request) -> Answer:
        """Answers where the browser should go next, since pages of ours may not be redirected by a form."""
        if not same_site(request, self._settings.origins):
            self._refusals.note("CROSS_SITE_REQUEST", "oidc logout", request.client)
            problem = Problem(403, "The request comes from another site", reason="CROSS_SITE_REQUEST")
            return problem_answer(problem)
        known = await self._session(request)
        where = await self._sign_ins.leave(*known) if known else ""
        return Answer(200, orjson.dumps({"end_session_url": where}), headers=[self._cookies.clear()])

    async def _backchannel(self, request: Request) -> Answer:
        form = parse_qs((await request.body(_MOST_BODY)).decode("utf-8", "replace"))
        if await self._sign_ins.end_by_provider(form.get("logout_token", [""])[0]):
            return Answer(200)
        self._refusals.note("LOGOUT_TOKEN_INVALID", "oidc backchannel", request.client)
        return Answer(400, b'{"error":"invalid_request"}')

    async def _session(self, request: Request) -> tuple[uuid.UUID, uuid.UUID] | None:
        """The session the browser has, and whose it is."""
        credential = self._cookies.credential(request)
        caller = await self._callers.find(credential.value) if credential else None
        if caller is None or not caller.identity.session_id:
            return None
        return uuid.UUID(caller.identity.session_id), uuid.UUID(caller.principal.subject)

    def _cookie(self, value: str, seconds: int) -> Header:
        # Lax: the provider sends the browser back by a link, which brings such cookies.
        flags = "; HttpOnly; SameSite=Lax" + ("; Secure" if self._settings.cookie_secure else "")
        return (b"set-cookie", f"{COOKIE}={value}; Max-Age={seconds}; Path={PREFIX}{flags}".encode("ascii"))


def _redirect(where: str, headers: list[Header]) -> Answer:
    return Answer(303, headers=[(b"location", where.encode("ascii", "ignore")), *headers])


def _query(request: Request) -> dict[str, str]:
    """A parameter that is given twice counts as not given."""
    found = parse_qs(request.query, keep_blank_values=True)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _read(request: Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
