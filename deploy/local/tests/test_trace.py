from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from taproot_base.tracefile import FileSpanExporter
from taproot_local import trace

T1, T2, T3 = "a" * 32, "b" * 32, "c" * 32


def span(
    trace_id: str, key: str, parent: str = "", *, at: int, lasts: int = 5, **more: Any
) -> dict[str, Any]:
    start = 1_700_000_000_000 + at
    raw = {"traceId": trace_id, "spanId": key * 16, "name": f"work {key}"}
    raw |= {"startTimeUnixNano": f"{start}000000", "endTimeUnixNano": f"{start + lasts}000000"}
    return raw | ({"parentSpanId": parent * 16} if parent else {}) | more


def write(directory: Path, name: str, service: str, *spans: dict[str, Any]) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": f"taproot-{service}"}}]}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}
    with (directory / name).open("a") as out:
        out.write(json.dumps(request) + "\n")


def customer(key: str) -> list[dict[str, Any]]:
    return [{"key": "crm.customer.id", "value": {"stringValue": key}}]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    write(tmp_path, "gateway.jsonl.1", "gateway", span(T1, "1", at=0, lasts=40))
    write(tmp_path, "sales.jsonl", "sales", span(T1, "2", "1", at=5, lasts=30, attributes=customer("c-1")))
    write(
        tmp_path,
        "customer.jsonl",
        "customer",
        span(T1, "3", "2", at=20, status={"code": 2, "message": "NOT_FOUND"}),
        span(T1, "4", "1", at=36),
        span(T3, "9", at=1, attributes=customer("c-2")),
    )
    write(
        tmp_path,
        "marketing.jsonl",
        "marketing",
        span(T2, "5", "7", at=90_000, links=[{"traceId": T1, "spanId": "22"}]),
    )
    with (tmp_path / "sales.jsonl").open("a") as out:
        out.write('{"resourceSpans": [{"cut short')
    return tmp_path


def test_a_customers_traces_as_trees(traces: Path) -> None:
    lines = list(trace.render(trace.find(traces, "c-1")))
    assert lines[0] == f"trace {T1}  2023-11-14T22:13:20.000+00:00  41.0 ms  4 spans, 3 services"
    assert lines[1] == f"  continued by trace {T2}"
    assert lines[2:6] == [
        "  gateway   +      0.0 ms      40.0 ms  work 1",
        "  sales     +      5.0 ms      30.0 ms  ├─ work 2",
        "  customer  +     20.0 ms       5.0 ms  │  └─ work 3  ERROR NOT_FOUND",
        "  customer  +     36.0 ms       5.0 ms  └─ work 4",
    ]
    assert lines[7].startswith(f"trace {T2}")
    assert lines[8] == f"  follows trace {T1}"
    assert lines[9].endswith("work 5  (its caller was not recorded)")
    assert T3 not in "\n".join(lines)


def test_by_trace_id_with_what_is_linked(traces: Path) -> None:
    assert set(trace.find(traces, T2).spans) == {T1, T2}
    assert set(trace.find(traces, T3).spans) == {T3}


def test_nothing_found_is_said(traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace.main(["c-9", "--dir", str(traces)]) == 1
    assert "No trace of c-9" in capsys.readouterr().err


def test_what_the_services_write_is_what_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "taproot-sales"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(str(tmp_path), "sales")))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("first") as first:
        pass
    link = Link(first.get_span_context())
    with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, links=[link]) as outer:
        outer.set_attribute("crm.customer.id", "0190-customer")
        with tracer.start_as_current_span("inner") as inner:
            inner.set_status(Status(StatusCode.ERROR, "Conflict"))
    provider.shutdown()
    assert trace.main(["0190-customer", "--dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "└─ inner  ERROR Conflict" in out
    assert f"follows trace {first.get_span_context().trace_id:032x}" in out
    assert "  sales  " in out
