"""Where traces go is encrypted or not as the address says, and an encrypted receiver is verified."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from taproot_base import telemetry
from taproot_local import certificates


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.names = []

    def Export(self, request, context):
        self.names += [
            span.name for one in request.resource_spans for scope in one.scope_spans for span in scope.spans
        ]
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
def held(tmp_path):
    certificates.ensure(tmp_path, ["collector"])
    return tmp_path / "collector"


def serve(credentials):
    server, receiver = grpc.server(ThreadPoolExecutor(2)), Receiver()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    return server, receiver, port


def send(endpoint, ca_file=""):
    exporter = telemetry._exporter(endpoint, ca_file)
    exporter._timeout = 2
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("t").start_span("seen").end()
    provider.shutdown()


def encrypted(held):
    pair = ((held / "tls.key").read_bytes(), (held / "tls.crt").read_bytes())
    return grpc.ssl_server_credentials([pair])


@pytest.mark.parametrize(
    ("scheme", "tls", "trusted", "arrives"),
    [
        ("http", False, False, True),
        ("https", True, True, True),
        ("https", True, False, False),
        ("https", False, True, False),
        ("http", True, False, False),
    ],
)
def test_spans_arrive_as_the_address_says(held, scheme, tls, trusted, arrives):
    server, receiver, port = serve(encrypted(held) if tls else None)
    try:
        send(f"{scheme}://127.0.0.1:{port}", str(held / "ca.crt") if trusted else "")
        assert receiver.names == (["seen"] if arrives else [])
    finally:
        server.stop(None)


def test_an_address_without_a_scheme_is_refused_in_words():
    with pytest.raises(ValueError, match="begins with http:// or https://"):
        telemetry._exporter("collector:4317", "")
