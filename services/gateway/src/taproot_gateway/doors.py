"""The two doors of the gateway, HTTP and gRPC, as one thing to start and stop."""

from __future__ import annotations

import asyncio
import importlib.metadata
from types import TracebackType
from typing import Any, Self

import orjson
from google.protobuf.message import Message
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from taproot_base import telemetry
from taproot_base.tasks import end
from taproot_base.transport import Transport
from taproot_chassis.service import Runtime
from taproot_gateway.backends import Backends
from taproot_gateway.calendars import pages as calendars
from taproot_gateway.calendars.pages import CalendarPages
from taproot_gateway.callers import Callers
from taproot_gateway.door import Door
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.events.feeds import Feeds
from taproot_gateway.events.streams import PATH, Streams
from taproot_gateway.http.app import App
from taproot_gateway.http.calls import IDENTITY, AfterCall, Calls, Handler, Limits
from taproot_gateway.http.exchange import Header
from taproot_gateway.http.limits import Limiter
from taproot_gateway.http.pages import pages
from taproot_gateway.http.security import Cookies
from taproot_gateway.lookup import CredentialLookup
from taproot_gateway.oidc import OidcSettings, OidcVerifier
from taproot_gateway.oidc import pages as oidc_pages
from taproot_gateway.oidc.handlers import OidcSignIns
from taproot_gateway.oidc.pages import OidcPages
from taproot_gateway.oidc.provider import Provider
from taproot_gateway.openapi.document import document
from taproot_gateway.openapi.tenant import TenantDocument
from taproot_gateway.refusals import Refusals
from taproot_gateway.revocations import Revocations
from taproot_gateway.saved_views.applying import Views
from taproot_gateway.scim import pages as scim
from taproot_gateway.scim.pages import ScimPages
from taproot_gateway.scim.service import Directory
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.routes import Router

_SESSIONS = "/taproot.identity.v1.SessionsService/"
_BACKLOG = 1024
# A caller must say what it wants within 10 seconds and 64 kB; the server's own limits are 30 seconds and 400 kB.
_HTTP1 = HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536)


class Doors:
    """`async with Doors(runtime, identity_address)` serves until the block ends."""

    def __init__(self, runtime: Runtime[GatewaySettings], identity_address: str) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._provider = Provider(settings.oidc_issuer) if settings.oidc_issuer else None
        addresses = dict(pair.split("=", 1) for pair in settings.backends.split(",") if pair)
        self.backends = Backends(
            addresses | {IDENTITY: identity_address}, Transport.of(settings.tls_dir), settings.max_in_flight
        )
        lookup = CredentialLookup(
            runtime.database, settings.session_idle_minutes, _verifier(settings, self._provider)
        )
        self.callers = Callers(lookup, runtime.minter)
        self.revocations = Revocations(runtime.database, self.callers)
        loaded = contracts.load()
        self.router = Router(loaded)
        self.limiter = Limiter.of(settings, runtime.database)
        self.refusals = Refusals(runtime.database, runtime.directory, runtime.page_key)
        self.app = self._app(settings, loaded)
        host, port = settings.grpc_door_host, settings.grpc_door_port
        self.door = Door(loaded, self.backends, self.callers, self.limiter, self.refusals, host, port)
        self.revocations.subscribe(self.streams.revoked)
        self._settings = settings
        self._http: Server | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def _app(self, settings: GatewaySettings, loaded: contracts.Contracts) -> App:
        cookies = Cookies(settings.cookie_secure)
        limits = Limits(settings.max_body_bytes, settings.max_upload_bytes)
        after = _after_calls(cookies, int(settings.session_hours * 3600))
        views = Views(self._runtime.database)
        calls = Calls(
            self.backends,
            self.callers,
            cookies,
            limits,
            self.limiter,
            self.refusals,
            settings.origins,
            after,
            views,
        )
        routes = self.router.routes
        self.streams = self._streams(settings, loaded, calls)

        def described() -> bytes:
            # Contracts of its own: the comments it reads are let go with it.
            return orjson.dumps(document(contracts.Contracts(loaded.files), routes, _version()))

        tenant = TenantDocument(described, lambda: self._runtime.directory.custom)
        found = pages(tenant, self.backends, settings.mail_url)
        return App(
            self.router,
            calls,
            found,
            proxies=settings.trusted_proxies,
            origins=settings.origins,
            streams={PATH: self.streams.serve},
            mounts=self._mounts(settings, cookies),
        )

    def _mounts(self, settings: GatewaySettings, cookies: Cookies) -> dict[str, Handler]:
        """What has a protocol of its own, by the start of its addresses."""
        runtime = self._runtime
        found: dict[str, Handler] = {}
        if self._provider is not None and settings.oidc_client_id:
            sign_ins = OidcSignIns(runtime.database, self._provider, settings)
            system = runtime.system_call()
            pages = OidcPages(sign_ins, self.callers, cookies, self.limiter, self.refusals, settings, system)
            found[oidc_pages.PREFIX] = pages.serve
        found[calendars.PREFIX] = CalendarPages(
            self.backends, self.callers, self.limiter, self.refusals, runtime.clock
        ).serve
        base = settings.public_url.rstrip("/") + scim.PREFIX.rstrip("/")
        directory = Directory(runtime.database, base)
        rights, ensure = runtime.directory, runtime.access.ensure
        found[scim.PREFIX] = ScimPages(
            directory, self.callers, self.limiter, self.refusals, rights, ensure, base
        ).serve
        return found

    def _streams(self, settings: GatewaySettings, loaded: contracts.Contracts, calls: Calls) -> Streams:
        runtime, catalog = self._runtime, Catalog(loaded)
        return Streams(
            Feeds(runtime.bus, catalog),
            catalog,
            self.callers,
            runtime.access,
            runtime.directory,
            runtime.database,
            calls.sign_in,
            idle_minutes=settings.session_idle_minutes,
            most_per_user=settings.streams_per_user,
        )

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(work) for work in (self.revocations.run(), self.refusals.run())]
        await self.door.start()
        settings = self._settings
        self._http = Server(
            self.app,
            address=settings.http_host,
            port=settings.http_port,
            interface=Interfaces.ASGINL,
            websockets=False,
            backlog=_BACKLOG,
            http1_settings=_HTTP1,
            log_enabled=False,
        )
        self._serving = asyncio.create_task(self._http.serve())
        telemetry.logger.info("doors_open", http_port=settings.http_port, grpc_port=self.door.port)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.backends.draining = True
        await self.streams.close()
        await asyncio.gather(self.door.drain(self._settings.drain_seconds), self._stop_http())
        await end(self._tasks)
        await self.refusals.flush(everything=True)
        await self.backends.close()

    async def _stop_http(self) -> None:
        """Calls that are running come to their end, then the server closes."""
        if self._http is not None and self._serving is not None:
            self._http.stop()  # type: ignore[no-untyped-call]  # granian is partly untyped
            await asyncio.wait([self._serving], timeout=self._settings.drain_seconds)


def _verifier(settings: GatewaySettings, provider: Provider | None) -> OidcVerifier | None:
    found = OidcSettings(settings.oidc_issuer, settings.oidc_audience, settings.oidc_user_claim)
    return OidcVerifier(found, provider) if provider is not None else None


def _after_calls(cookies: Cookies, seconds: int) -> dict[str, AfterCall]:
    """Signing in and out over HTTP sets and clears the cookie."""

    def login(request: Any, response: Any) -> list[Header]:
        if not response.token:  # a second factor is asked for
            return []
        header = cookies.set(response.token, seconds)
        if request.cookie_only:
            response.token = ""
        return [header]

    def revoke(request: Any, _response: Message) -> list[Header]:
        return [cookies.clear()] if request.id == "current" else []

    return {
        _SESSIONS + "Login": login,
        _SESSIONS + "VerifyLogin": login,
        _SESSIONS + "RevokeSession": revoke,
    }


def _version() -> str:
    try:
        return importlib.metadata.version("taproot-gateway")
    except importlib.metadata.PackageNotFoundError:
        return "0.0.0"
