"""The services behind the gateway: channels, calls in bytes, and whether they answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from prometheus_client import Gauge

from taproot_base.errors import ResourceExhausted
from taproot_base.transport import CHANNEL_OPTIONS, Transport
from taproot_chassis.interceptor import shed

Metadata = tuple[tuple[str, str], ...]
_HEALTH_METHOD = "/grpc.health.v1.Health/Check"
_HEALTH_SECONDS = 1.0
_HEALTH_KEPT_SECONDS = 1.0
DEFAULT_IN_FLIGHT = 400
# They say how things are, or wait by design: neither is load.
_UNCOUNTED = frozenset({_HEALTH_METHOD, "/taproot.operations.v1.OperationsService/WaitOperation"})

_in_flight = Gauge("taproot_gateway_in_flight", "Calls that wait for a service")


class UnknownBackend(KeyError):
    """No address is set for the service a contract names."""


class Backends:
    """Open in the process's lifespan, never at import."""

    def __init__(
        self,
        addresses: Mapping[str, str],
        transport: Transport | None = None,
        most: int = DEFAULT_IN_FLIGHT,
    ) -> None:
        """`most`: calls at once, over both doors; more would only wait in line, each longer than the one before."""
        self._most = most
        self._calling = 0
        _in_flight.set_function(lambda: self._calling)
        self._addresses = dict(addresses)
        self._transport = transport or Transport()
        self._channels: dict[str, Any] = {}
        self._unary: dict[tuple[str, str], Any] = {}
        self._health: tuple[float, dict[str, bool]] = (0.0, {})
        self.draining = False
        """Set when the process is about to stop: it then says it is not ready, and still answers."""

    @property
    def names(self) -> list[str]:
        return sorted(self._addresses)

    def require_room(self) -> None:
        """Raises ResourceExhausted at the limit. Asked early too: what is refused should cost little."""
        if self._calling >= self._most:
            shed.inc()
            raise ResourceExhausted("the gateway is at its limit")

    def channel(self, name: str) -> Any:
        channel = self._channels.get(name)
        if channel is None:
            if name not in self._addresses:
                raise UnknownBackend(name)
            channel = self._transport.channel(self._addresses[name], CHANNEL_OPTIONS)
            self._channels[name] = channel
        return channel

    async def call(
        self, name: str, path: str, request: bytes, metadata: Metadata, seconds: float | None
    ) -> bytes:
        """One unary call, bytes in and out. Raises grpc.aio.AioRpcError, ResourceExhausted."""
        if path in _UNCOUNTED:
            return await self._call(name, path, request, metadata, seconds)
        self.require_room()
        self._calling += 1
        try:
            return await self._call(name, path, request, metadata, seconds)
        finally:
            self._calling -= 1

    async def _call(
        self, name: str, path: str, request: bytes, metadata: Metadata, seconds: float | None
    ) -> bytes:
        unary = self._unary.get((name, path))
        if unary is None:
            unary = self._unary[name, path] = self.channel(name).unary_unary(path)
        response: bytes = await unary(request, metadata=metadata, timeout=seconds)
        return response

    async def healthy(self) -> dict[str, bool]:
        """Service -> whether it says it is serving; asked at most once a second."""
        checked_at, known = self._health
        if time.monotonic() - checked_at > _HEALTH_KEPT_SECONDS:
            found = await asyncio.gather(*(self._check(name) for name in self.names))
            known = dict(zip(self.names, found, strict=True))
            self._health = (time.monotonic(), known)
        return known

    async def _check(self, name: str) -> bool:
        request = health_pb2.HealthCheckRequest().SerializeToString()
        try:
            answer = await self.call(name, _HEALTH_METHOD, request, (), _HEALTH_SECONDS)
        except grpc.aio.AioRpcError:
            return False
        status = health_pb2.HealthCheckResponse.FromString(answer).status
        return bool(status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()
