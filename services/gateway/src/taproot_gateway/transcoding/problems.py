"""gRPC status to HTTP: problem documents after RFC 9457."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc
import orjson
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from taproot_base.errors import AppError
from taproot_chassis.interceptor import status_of
from taproot_gateway.transcoding.input import Violation

CONTENT_TYPE = "application/problem+json"
_DETAILS_KEY = "grpc-status-details-bin"
_DEFAULT_RETRY_SECONDS = 1

# Code -> HTTP status and title. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_STATUS: dict[grpc.StatusCode, tuple[int, str]] = {
    grpc.StatusCode.CANCELLED: (499, "The caller went away"),
    grpc.StatusCode.UNKNOWN: (500, "Something went wrong"),
    grpc.StatusCode.INVALID_ARGUMENT: (400, "The request is not valid"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (504, "The service took too long"),
    grpc.StatusCode.NOT_FOUND: (404, "Not found"),
    grpc.StatusCode.ALREADY_EXISTS: (409, "It exists already"),
    grpc.StatusCode.PERMISSION_DENIED: (403, "Not permitted"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (429, "Too much at once"),
    grpc.StatusCode.FAILED_PRECONDITION: (409, "The state does not allow it"),
    grpc.StatusCode.ABORTED: (409, "Someone else was first"),
    grpc.StatusCode.OUT_OF_RANGE: (400, "Out of range"),
    grpc.StatusCode.UNIMPLEMENTED: (501, "Not implemented"),
    grpc.StatusCode.INTERNAL: (500, "Something went wrong"),
    grpc.StatusCode.UNAVAILABLE: (503, "The service is not available"),
    grpc.StatusCode.DATA_LOSS: (500, "Something went wrong"),
    grpc.StatusCode.UNAUTHENTICATED: (401, "Sign in first"),
}
_BY_REASON = {"IDEMPOTENCY_KEY_REUSED": 422}
_RETRYABLE = {429, 503}


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    title: str
    detail: str = ""
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()
    retry_after: int | None = None
    """Seconds."""

    def body(self, trace_id: str) -> bytes:
        out: dict[str, Any] = {"type": self._type(), "title": self.title, "status": self.status}
        if self.detail:
            out["detail"] = self.detail
        if self.reason:
            out["reason"] = self.reason
        if self.metadata:
            out["metadata"] = self.metadata
        if self.violations:
            out["violations"] = [one._asdict() for one in self.violations]
        if trace_id:
            out["trace_id"] = trace_id
        return orjson.dumps(out)

    def headers(self) -> list[tuple[bytes, bytes]]:
        out = []
        if self.retry_after is not None:
            out.append((b"retry-after", str(self.retry_after).encode()))
        if self.status == 401:
            out.append((b"www-authenticate", b'Bearer realm="taproot"'))
        return out

    def _type(self) -> str:
        return (
            "urn:taproot:problem:" + self.reason.lower().replace("_", "-") if self.reason else "about:blank"
        )


def invalid(violations: list[Violation]) -> Problem:
    status, title = _STATUS[grpc.StatusCode.INVALID_ARGUMENT]
    count = len(violations)
    detail = f"{count} field{'s are' if count > 1 else ' is'} not valid"
    return Problem(status, title, detail, "INVALID_FIELDS", violations=tuple(violations))


def from_rpc_error(error: grpc.aio.AioRpcError, *, conditional: bool) -> Problem:
    """`conditional`: the caller sent If-Match, so that a lost race is 412 instead of 409."""
    code = error.code()
    metadata = error.trailing_metadata() or ()
    raw = next((value for key, value in metadata if key == _DETAILS_KEY and isinstance(value, bytes)), b"")
    return from_status(code, error.details() or "", raw, conditional=conditional)


def from_app_error(error: AppError) -> Problem:
    """A failure of the gateway itself, such as its database being away."""
    code = getattr(grpc.StatusCode, error.kind.value)
    return from_status(code, error.message, status_of(error).SerializeToString(), conditional=False)


def from_status(code: grpc.StatusCode, message: str, details: bytes, *, conditional: bool) -> Problem:
    found = _Details.read(details)
    status, title = _STATUS.get(code, _STATUS[grpc.StatusCode.UNKNOWN])
    status = _BY_REASON.get(found.reason, status)
    if code is grpc.StatusCode.ABORTED and conditional and found.reason in ("", "ETAG_MISMATCH"):
        status, title = 412, "The record has another version"
    retry = found.retry_after
    if retry is None and status in _RETRYABLE:
        retry = _DEFAULT_RETRY_SECONDS
    return Problem(status, title, message, found.reason, found.metadata, tuple(found.violations), retry)


@dataclass(slots=True)
class _Details:
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    retry_after: int | None = None

    @classmethod
    def read(cls, raw: bytes) -> _Details:
        found = cls()
        try:
            status = status_pb2.Status.FromString(raw)
        except DecodeError:
            return found
        for each in status.details:
            found._take(each)
        return found

    def _take(self, detail: Any) -> None:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
            self.reason, self.metadata = info.reason, dict(info.metadata)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest.FromString(detail.value)
            self.violations = [Violation(one.field, one.description) for one in bad.field_violations]
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
            self.retry_after = max(1, delay.seconds + (delay.nanos > 0))
