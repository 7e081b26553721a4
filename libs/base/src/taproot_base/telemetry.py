"""Traces, metrics and logs: one setup for every service."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from taproot_base.context import current_call_or_none
from taproot_base.plainlog import structlog

READ_SAMPLE_RATIO = 0.1
WRITE = "taproot.write"
NEW_TRACE_AFTER = timedelta(minutes=1)
"""What follows later than this starts a trace of its own, linked to its cause."""

party_attribute = "party.id"
"""Span attribute that names the outside party an event belongs to; `configure` sets it."""

logger: Any = structlog.get_logger("taproot")
_tracer = trace.get_tracer("taproot")
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class WritesAlways(Sampler):
    """What changes data is always sampled, reads at a ratio."""

    def __init__(self, ratio: float) -> None:
        self._reads = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,  # noqa: ARG002  # part of the Sampler interface
    ) -> SamplingResult:
        if (attributes or {}).get(WRITE, True):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._reads.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return "WritesAlways"


def configure(
    service: str,
    *,
    endpoint: str | None,
    trace_dir: str | None,
    log_level: str,
    party: str = party_attribute,
    ca_file: str = "",
) -> TracerProvider:
    """Install the tracer and the logger of this process. Returns the provider, to be shut down at the end."""
    global party_attribute  # noqa: PLW0603  # one tracer per process, configured once
    party_attribute = party
    _configure_logging(service, log_level)
    resource = Resource.create({"service.name": f"taproot-{service}", "service.namespace": "taproot"})
    provider = TracerProvider(resource=resource, sampler=ParentBased(WritesAlways(READ_SAMPLE_RATIO)))
    if endpoint:
        provider.add_span_processor(BatchSpanProcessor(_exporter(endpoint, ca_file)))
    if trace_dir:
        from taproot_base.tracefile import FileSpanExporter

        provider.add_span_processor(
            BatchSpanProcessor(FileSpanExporter(trace_dir, service), schedule_delay_millis=500)
        )
    trace.set_tracer_provider(provider)
    return provider


def _exporter(endpoint: str, ca_file: str) -> Any:
    """`http://` goes in the clear; `https://` is verified by `ca_file`, or by the system's authorities."""
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    scheme = endpoint.partition("://")[0]
    if scheme == "http":
        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    if scheme != "https":
        raise ValueError(f"TAPROOT_OTLP_ENDPOINT is {endpoint!r}; it begins with http:// or https://")
    authorities = Path(ca_file).read_bytes() if ca_file else None
    return OTLPSpanExporter(
        endpoint=endpoint, insecure=False, credentials=grpc.ssl_channel_credentials(authorities)
    )


def _configure_logging(service: str, level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_call,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def _add_call(_logger: Any, _name: str, event: Any) -> Any:
    """Trace, principal and branch of the call; never a field of a record."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    call = current_call_or_none()
    if call is not None:
        event["principal"] = call.principal.subject
        event["branch"] = call.principal.branch_path
        event["method"] = call.method
    return event


class span:  # noqa: N801  # used like a function: `with span("name"):`
    """A span that is current in its block; an exception marks it failed and goes on.

    A class, because the SDK's generators and their wrappers cost as much as the span itself.
    """

    __slots__ = ("_arguments", "_name", "_span", "_token")

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        links: list[Link] | None = None,
    ) -> None:
        self._name = name
        self._arguments = (parent, kind, attributes, links)

    def __enter__(self) -> Span:
        self._span = _tracer.start_span(self._name, *self._arguments)
        self._token = attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._span.set_status(Status(StatusCode.ERROR, kind.__name__))
        detach(self._token)
        self._span.end()


def follow(
    name: str,
    header: str,
    age: timedelta,
    attributes: Mapping[str, Any] | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
) -> span:
    """A span of work that a trace caused: part of it, or after a minute one of a new trace linked to it."""
    if age > NEW_TRACE_AFTER:
        return span(name, attributes, kind=kind, links=remote_link(header))
    return span(name, attributes, kind=kind, parent=remote_context(header))


def traceparent() -> str:
    """W3C header of the current span; empty when there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def remote_context(header: str) -> Context:
    """The context a W3C header names; an empty one when it does not make sense."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return Context()
    version, trace_id, span_id, flags, more = match.groups()
    if version == "00" and more:  # only a later version may have more fields (W3C Trace Context, section 3.2)
        return Context()
    trace_flags = TraceFlags(int(flags, 16))
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace_flags)
    return trace.set_span_in_context(NonRecordingSpan(context), Context()) if context.is_valid else Context()


def remote_link(header: str) -> list[Link]:
    """A link to the trace of a header, for work that follows long after it."""
    context = trace.get_current_span(remote_context(header)).get_span_context()
    return [Link(context)] if context.is_valid else []


def trace_id_of(header: str) -> str:
    parts = header.split("-")
    return parts[1] if len(parts) == 4 else ""
