"""Trace context across processes, and spans as they are written to files."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from taproot_base import telemetry
from taproot_base.tracefile import FileSpanExporter

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def context_of(header: str) -> trace.SpanContext:
    return trace.get_current_span(telemetry.remote_context(header)).get_span_context()


class TestRemoteContext:
    def test_reads_a_w3c_header(self):
        found = context_of(HEADER)
        assert f"{found.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
        assert f"{found.span_id:016x}" == "b7ad6b7169203331"
        assert found.is_remote
        assert found.trace_flags.sampled

    def test_a_later_version_may_have_more_fields(self):
        assert context_of(HEADER.replace("00-", "cc-", 1) + "-what-comes").is_valid

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "nonsense",
            HEADER + "-more",
            HEADER.upper(),
            HEADER.replace("00-", "ff-", 1),
            "00-" + "0" * 32 + "-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        ],
    )
    def test_anything_else_starts_a_new_trace(self, header):
        assert not context_of(header).is_valid


class TestSpan:
    def test_is_current_inside_and_carries_its_header(self, monkeypatch):
        monkeypatch.setattr(telemetry, "_tracer", TracerProvider().get_tracer("test"))
        with telemetry.span("outer", parent=telemetry.remote_context(HEADER)) as span:
            assert trace.get_current_span() is span
            trace_id, span_id = telemetry.traceparent().split("-")[1:3]
            assert trace_id == HEADER.split("-")[1]
            assert span_id == f"{span.get_span_context().span_id:016x}"
        assert telemetry.traceparent() == ""

    def test_an_exception_marks_it_and_goes_on(self, monkeypatch):
        monkeypatch.setattr(telemetry, "_tracer", TracerProvider().get_tracer("test"))
        with pytest.raises(KeyError), telemetry.span("failing") as span:
            raise KeyError("x")
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "KeyError"


class TestFileSpanExporter:
    def test_writes_otlp_json(self, tmp_path):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(str(tmp_path), "things")))
        tracer = provider.get_tracer("scope")
        link = Link(context_of(HEADER), {"why": "late"})
        with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, links=[link]) as outer:
            outer.set_attributes({"text": "ä", "whole": 3, "part": 0.5, "yes": True, "list": ["a", "b"]})
            outer.add_event("happened", {"n": 1})
            with tracer.start_as_current_span("inner") as inner:
                inner.set_status(Status(StatusCode.ERROR, "broken"))
        inner_line, outer_line = (tmp_path / "things.jsonl").read_text().splitlines()
        written = self.span_of(outer_line)
        assert written["kind"] == "SPAN_KIND_SERVER"
        assert written["traceId"] == f"{outer.get_span_context().trace_id:032x}"
        assert {a["key"]: a["value"] for a in written["attributes"]} == {
            "text": {"stringValue": "ä"},
            "whole": {"intValue": "3"},
            "part": {"doubleValue": 0.5},
            "yes": {"boolValue": True},
            "list": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
        }
        assert written["links"][0]["spanId"] == "b7ad6b7169203331"
        assert written["events"][0]["name"] == "happened"
        failed = self.span_of(inner_line)
        assert failed["parentSpanId"] == written["spanId"]
        assert failed["status"] == {"code": "STATUS_CODE_ERROR", "message": "broken"}

    @staticmethod
    def span_of(line: str) -> dict:
        (resource,) = json.loads(line)["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        (span,) = scope["spans"]
        return span
