"""The two doors of the gateway, HTTP and gRPC, as one thing to start and stop."""

from __future__ import annotations

import asyncio
import importlib.metadata
from types import TracebackType
from typing import Any, Self

import orjson
from google.protobuf.message import Message
from granian.constants import Interfaces
from granian.server.embed import Server

from taproot_base import telemetry
from taproot_chassis.service import Runtime
from taproot_gateway.backends import Backends
from taproot_gateway.callers import Callers
from taproot_gateway.door import Door
from taproot_gateway.http.app import App
from taproot_gateway.http.calls import IDENTITY, AfterCall, Calls, Limits
from taproot_gateway.http.exchange import Header
from taproot_gateway.http.pages import pages
from taproot_gateway.http.security import Cookies
from taproot_gateway.lookup import CredentialLookup
from taproot_gateway.oidc import OidcSettings, OidcVerifier
from taproot_gateway.openapi.document import document
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.routes import Router

_SESSIONS = "/taproot.identity.v1.SessionsService/"
_BACKLOG = 1024


class Doors:
    """`async with Doors(runtime, identity_address)` serves until the block ends."""

    def __init__(self, runtime: Runtime[GatewaySettings], identity_address: str) -> None:
        settings = runtime.settings
        addresses = dict(pair.split("=", 1) for pair in settings.backends.split(",") if pair)
        self.backends = Backends(addresses | {IDENTITY: identity_address})
        lookup = CredentialLookup(runtime.database, settings.session_idle_minutes, _oidc(settings))
        self.callers = Callers(lookup, runtime.minter)
        loaded = contracts.load()
        self.router = Router(loaded)
        self.app = self._app(settings, loaded)
        host, port = settings.grpc_door_host, settings.grpc_door_port
        self.door = Door(loaded, self.backends, self.callers, host, port)
        self._settings = settings
        self._http: Server | None = None
        self._serving: asyncio.Task[Any] | None = None

    def _app(self, settings: GatewaySettings, loaded: contracts.Contracts) -> App:
        cookies = Cookies(settings.cookie_secure)
        limits = Limits(settings.max_body_bytes, settings.max_upload_bytes)
        after = _after_calls(cookies, int(settings.session_hours * 3600))
        calls = Calls(self.backends, self.callers, cookies, limits, settings.origins, after)
        routes = self.router.routes

        def described() -> bytes:
            # Contracts of its own: the comments it reads are let go with it.
            return orjson.dumps(document(contracts.Contracts(loaded.files), routes, _version()))

        found = pages(described, self.backends, settings.mail_url)
        return App(self.router, calls, found, proxies=settings.trusted_proxies, origins=settings.origins)

    async def __aenter__(self) -> Self:
        await self.door.start()
        settings = self._settings
        self._http = Server(
            self.app,
            address=settings.http_host,
            port=settings.http_port,
            interface=Interfaces.ASGINL,
            websockets=False,
            backlog=_BACKLOG,
            log_enabled=False,
        )
        self._serving = asyncio.create_task(self._http.serve())
        telemetry.logger.info("doors_open", http_port=settings.http_port, grpc_port=self.door.port)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.backends.draining = True
        await asyncio.gather(self.door.drain(self._settings.drain_seconds), self._stop_http())
        await self.backends.close()

    async def _stop_http(self) -> None:
        """Calls that are running come to their end, then the server closes."""
        if self._http is not None and self._serving is not None:
            self._http.stop()  # type: ignore[no-untyped-call]  # granian is partly untyped
            await asyncio.wait([self._serving], timeout=self._settings.drain_seconds)


def _oidc(settings: GatewaySettings) -> OidcVerifier | None:
    if not settings.oidc_issuer:
        return None
    found = OidcSettings(settings.oidc_issuer, settings.oidc_audience, settings.oidc_user_claim)
    return OidcVerifier(found)


def _after_calls(cookies: Cookies, seconds: int) -> dict[str, AfterCall]:
    """Signing in and out over HTTP sets and clears the cookie."""

    def login(request: Any, response: Any) -> list[Header]:
        header = cookies.set(response.token, seconds)
        if request.cookie_only:
            response.token = ""
        return [header]

    def revoke(request: Any, _response: Message) -> list[Header]:
        return [cookies.clear()] if request.id == "current" else []

    return {_SESSIONS + "Login": login, _SESSIONS + "RevokeSession": revoke}


def _version() -> str:
    try:
        return importlib.metadata.version("taproot-gateway")
    except importlib.metadata.PackageNotFoundError:
        return "0.0.0"
