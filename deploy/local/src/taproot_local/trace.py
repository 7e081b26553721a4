"""`taproot trace`: follow one customer, or one trace, through all services.

Reads the OTLP-JSON lines that every service writes (one ExportTraceServiceRequest per line).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from taproot_local.home import Home

CUSTOMER = "crm.customer.id"
TRACE_ID = re.compile(r"[0-9a-f]{32}")
STATUS_ERROR = {2, "STATUS_CODE_ERROR"}


@dataclass(frozen=True)
class Span:
    """One span, as far as a tree needs it. Times are in nanoseconds."""

    trace: str
    id: str
    parent: str
    service: str
    name: str
    start: int
    end: int
    error: str | None
    customers: tuple[str, ...]
    links: tuple[str, ...]

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) / 1e6


@dataclass
class Traces:
    """All spans of the chosen traces; `linked_from[a]` holds the traces that name `a` as where they come from."""

    spans: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    linked_from: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="taproot trace", description="Show traces as trees.")
    parser.add_argument("id", help="a customer id, or a trace id (32 hexadecimal digits)")
    parser.add_argument(
        "--dir", type=Path, help="where the span files are (default: TAPROOT_TRACE_DIR or .taproot/traces)"
    )
    options = parser.parse_args(arguments)
    directory = options.dir or Path(os.environ.get("TAPROOT_TRACE_DIR") or Home.current().traces)
    traces = find(directory, options.id)
    if not traces.spans:
        print(f"No trace of {options.id} in {directory}.", file=sys.stderr)
        return 1
    print("\n".join(render(traces)))
    return 0


def find(directory: Path, wanted: str) -> Traces:
    """The trace, or every trace that touched the customer, and all that are linked with them."""
    chosen = {wanted} if TRACE_ID.fullmatch(wanted) else set()
    neighbours: dict[str, set[str]] = defaultdict(set)
    for span in read(directory):
        if wanted in span.customers:
            chosen.add(span.trace)
        for other in span.links:
            neighbours[span.trace].add(other)
            neighbours[other].add(span.trace)
    return collect(directory, _closure(chosen, neighbours))


def collect(directory: Path, chosen: set[str]) -> Traces:
    """The spans of these traces, in order of time."""
    found = Traces()
    seen: set[tuple[str, str]] = set()
    for span in read(directory):
        if span.trace in chosen and (span.trace, span.id) not in seen:
            seen.add((span.trace, span.id))
            found.spans[span.trace].append(span)
            for other in span.links:
                found.linked_from[other].add(span.trace)
    for spans in found.spans.values():
        spans.sort(key=lambda span: (span.start, span.end))
    return found


def _closure(chosen: set[str], neighbours: dict[str, set[str]]) -> set[str]:
    found, front = set(chosen), list(chosen)
    while front:
        fresh = neighbours.get(front.pop(), set()) - found
        found |= fresh
        front.extend(fresh)
    return found


def read(directory: Path) -> Iterator[Span]:
    """Every span of every file, rotated ones too; a line cut short by a crash is skipped."""
    for path in sorted(directory.glob("*.jsonl*")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    request = json.loads(line)
                except ValueError:
                    continue
                yield from _spans(request)


def _spans(request: dict[str, Any]) -> Iterator[Span]:
    for resource in request.get("resourceSpans", []):
        service = _attributes(resource.get("resource", {})).get("service.name", "?")
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                yield _span(str(service), span)


def _span(service: str, raw: dict[str, Any]) -> Span:
    status = raw.get("status", {})
    failed = status.get("code") in STATUS_ERROR
    customers = _attributes(raw).get(CUSTOMER, ())
    return Span(
        trace=raw["traceId"].lower(),
        id=raw["spanId"].lower(),
        parent=raw.get("parentSpanId", "").lower(),
        service=service.removeprefix("taproot-"),
        name=raw.get("name", ""),
        start=int(raw.get("startTimeUnixNano", 0)),
        end=int(raw.get("endTimeUnixNano", 0)),
        error=(status.get("message") or "failed") if failed else None,
        customers=(customers,) if isinstance(customers, str) else tuple(customers),
        links=tuple(
            link["traceId"].lower() for link in raw.get("links", []) if link["traceId"] != raw["traceId"]
        ),
    )


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {item["key"]: _value(item.get("value", {})) for item in holder.get("attributes", [])}


def _value(value: dict[str, Any]) -> Any:
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", [])]
    return next(iter(value.values()), None)


def render(traces: Traces) -> Iterator[str]:
    """Lines of text: the traces in order of time, each as a tree."""
    for number, trace in enumerate(sorted(traces.spans, key=lambda key: traces.spans[key][0].start)):
        if number:
            yield ""
        yield from _render_one(trace, traces)


def _render_one(trace: str, traces: Traces) -> Iterator[str]:
    spans = traces.spans[trace]
    begun = datetime.fromtimestamp(spans[0].start / 1e9, UTC).isoformat(timespec="milliseconds")
    total = (max(span.end for span in spans) - spans[0].start) / 1e6
    services = len({span.service for span in spans})
    yield f"trace {trace}  {begun}  {total:.1f} ms  {len(spans)} spans, {services} services"
    comes_from = sorted({other for span in spans for other in span.links})
    yield from (f"  follows trace {other}" for other in comes_from)
    yield from (f"  continued by trace {other}" for other in sorted(traces.linked_from.get(trace, set())))
    width = max(len(span.service) for span in spans)
    for depth, span in _walk(spans):
        yield _line(depth, span, width, spans[0].start)


def _walk(spans: list[Span]) -> Iterable[tuple[str, Span]]:
    """Depth first, with the branches drawn; a span whose parent was not recorded stands as a root."""
    known = {span.id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent if span.parent in known and span.parent != span.id else ""].append(span)

    def visit(parent: str, prefix: str) -> Iterator[tuple[str, Span]]:
        below = children[parent]
        for span in below:
            last, root = span is below[-1], parent == ""
            yield (prefix if root else prefix + ("└─ " if last else "├─ ")), span
            yield from visit(span.id, prefix if root else prefix + ("   " if last else "│  "))

    return visit("", "")


def _line(branch: str, span: Span, width: int, begun: int) -> str:
    offset = (span.start - begun) / 1e6
    orphan = "  (its caller was not recorded)" if not branch and span.parent else ""
    error = f"  ERROR {span.error}" if span.error is not None else ""
    text = f"{branch}{span.name}"
    return (
        f"  {span.service:<{width}}  +{offset:>9.1f} ms  {span.milliseconds:>8.1f} ms  {text}{orphan}{error}"
    )
