"""Calling another service: its channel, the caller's token or the service's own, a deadline, the trace."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from taproot_base import telemetry
from taproot_base.auth import Principal, TokenMinter
from taproot_base.context import current_call_or_none
from taproot_base.errors import AppError, InvalidArgument, Kind, Unavailable, Violation
from taproot_base.transport import CHANNEL_OPTIONS, Transport

DEFAULT_DEADLINE_SECONDS = 5.0


class Peers:
    """Channels to other services. Open in the service's lifespan, never at import."""

    def __init__(
        self,
        service: str,
        minter: TokenMinter,
        addresses: dict[str, str],
        transport: Transport | None = None,
    ) -> None:
        self._service = service
        self._minter = minter
        self._addresses = addresses
        self._transport = transport or Transport()
        self._channels: dict[str, Any] = {}

    def channel(self, name: str) -> Any:
        if name not in self._channels:
            self._channels[name] = self._transport.channel(self._addresses[name], CHANNEL_OPTIONS)
        return self._channels[name]

    def metadata(self, *, as_service: bool = False) -> tuple[tuple[str, str], ...]:
        """Credentials and trace of a call: the user's own token within a request, else the service's."""
        call = current_call_or_none()
        token = call.token if call is not None and not as_service else None
        if token is None:
            token = self._minter.mint(Principal.service(self._service))
        return (("authorization", f"Bearer {token}"), ("traceparent", telemetry.traceparent()))

    async def call(
        self,
        method: Any,
        request: Any,
        *,
        as_service: bool = False,
        deadline: float = DEFAULT_DEADLINE_SECONDS,
    ) -> Any:
        """Call a stub's method before any transaction is open. Errors come back as AppError."""
        call = current_call_or_none()
        if call is not None:
            call.check_undoomed()
        try:
            return await method(request, timeout=deadline, metadata=self.metadata(as_service=as_service))
        except grpc.aio.AioRpcError as error:
            raise as_app_error(error) from error

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


class RemoteError(AppError):
    """An expected failure of another service, passed on with its kind, reason and metadata."""


def as_app_error(error: grpc.aio.AioRpcError) -> AppError:
    name = error.code().name
    try:
        kind = Kind(name)
    except ValueError:
        return Unavailable(f"another service failed: {name}")
    info, violations = _details(error)
    if violations:
        return InvalidArgument(violations)
    found = RemoteError(error.details() or name, **(dict(info.metadata) if info else {}))
    found.kind = kind
    found.reason = info.reason if info else name
    return found


def _details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo | None, list[Violation]]:
    trailing = dict(error.trailing_metadata() or ())
    packed = trailing.get("grpc-status-details-bin")
    info, violations = None, []
    if isinstance(packed, bytes):
        for detail in status_pb2.Status.FromString(packed).details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                listed = error_details_pb2.BadRequest.FromString(detail.value)
                violations = [Violation(v.field, v.description) for v in listed.field_violations]
    return info, violations
