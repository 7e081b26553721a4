"""Spans as OTLP-JSON lines in rotated files, for reading traces where no collector runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

MAX_BYTES = 20_000_000
KEEP = 5


class FileSpanExporter(SpanExporter):
    """One file per service, `<service>.jsonl`; older ones are `<service>.jsonl.1` .. `.5`."""

    def __init__(self, directory: str, service: str) -> None:
        self._path = Path(directory) / f"{service}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        request = MessageToDict(encode_spans(spans), preserving_proto_field_name=False)
        _hexadecimal_ids(request)
        self._rotate()
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(request, ensure_ascii=False) + "\n")
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


def _hexadecimal_ids(request: dict[str, list[dict[str, list[dict[str, list[dict[str, str]]]]]]]) -> None:
    """OTLP-JSON writes ids in hexadecimal where proto3 JSON has base64."""
    import base64

    for resource in request.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                linked: list[dict[str, str]] = span.get("links", [])  # type: ignore[assignment]  # links is a list
                for part in (span, *linked):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if part.get(key):
                            part[key] = base64.b64decode(part[key]).hex()
