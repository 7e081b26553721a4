"""Spans as OTLP-JSON lines in rotated files, for reading traces where no collector runs.

Written straight from the spans: by way of the protobuf messages it takes ten times as long, and the time of
this thread is time the service does not serve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status

MAX_BYTES = 20_000_000
KEEP = 5
Json = dict[str, Any]


class FileSpanExporter(SpanExporter):
    """One file per service, `<service>.jsonl`; older ones are `<service>.jsonl.1` .. `.5`."""

    def __init__(self, directory: str, service: str) -> None:
        self._path = Path(directory) / f"{service}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._rotate()
        with self._path.open("ab") as out:
            out.write(orjson.dumps(_request(spans)) + b"\n")
        return SpanExportResult.SUCCESS

    def _rotate(self) -> None:
        if not self._path.exists() or self._path.stat().st_size < MAX_BYTES:
            return
        for number in range(KEEP, 0, -1):
            older = self._path.with_suffix(f".jsonl.{number}")
            newer = self._path if number == 1 else self._path.with_suffix(f".jsonl.{number - 1}")
            if newer.exists():
                Path(newer).replace(older)

    def shutdown(self) -> None: ...


def _request(spans: Sequence[ReadableSpan]) -> Json:
    """An ExportTraceServiceRequest. The spans of a process share their resource and, nearly always, their scope."""
    scopes: dict[str, list[Json]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        scopes.setdefault(scope.name if scope else "", []).append(_span(span))
    resource = spans[0].resource.attributes if spans else {}
    listed = [{"scope": {"name": name}, "spans": found} for name, found in scopes.items()]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": listed}]}


def _span(span: ReadableSpan) -> Json:
    found = {
        **_ids(span.get_span_context()),
        "name": span.name,
        "kind": f"SPAN_KIND_{span.kind.name}",
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes),
        "status": _status(span.status),
    }
    if span.parent is not None:
        found["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.links:
        found["links"] = [_link(link) for link in span.links]
    if span.events:
        found["events"] = [_event(event) for event in span.events]
    return found


def _ids(context: SpanContext | None) -> Json:
    """OTLP-JSON writes ids in hexadecimal."""
    assert context is not None
    return {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}


def _status(status: Status) -> Json:
    if status.status_code.name == "UNSET":
        return {}
    found = {"code": f"STATUS_CODE_{status.status_code.name}"}
    return found | {"message": status.description} if status.description else found


def _link(link: Link) -> Json:
    return {**_ids(link.context), "attributes": _attributes(link.attributes)}


def _event(event: Event) -> Json:
    return {
        "timeUnixNano": str(event.timestamp),
        "name": event.name,
        "attributes": _attributes(event.attributes),
    }


def _attributes(attributes: Mapping[str, Any] | None) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in (attributes or {}).items()]


def _value(value: Any) -> Json:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Sequence):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
