"""The gateway as a process: the identity service on the loopback interface, and the two doors before it."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

from prometheus_client import start_http_server

from taproot_base import telemetry
from taproot_chassis import service
from taproot_chassis.service import ServiceProcess
from taproot_gateway.doors import Doors
from taproot_gateway.main import DEFINITION
from taproot_gateway.settings import GatewaySettings


async def serve(settings: GatewaySettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ServiceProcess(DEFINITION, settings) as process:
        if settings.role == "worker":
            await stop.wait()
            return
        async with Doors(process.runtime, f"127.0.0.1:{process.server.port}"):
            # Contracts, routes and schemas live as long as the process: the collector need not visit them again.
            gc.collect()
            gc.freeze()
            await stop.wait()


def main() -> None:
    if sys.argv[1:]:
        service.run(DEFINITION)
    settings = GatewaySettings()  # type: ignore[call-arg]  # the environment has the rest
    provider = telemetry.configure(
        "gateway",
        endpoint=settings.otlp_endpoint or None,
        trace_dir=settings.trace_dir or None,
        log_level=settings.log_level,
        party=service.PARTY_ATTRIBUTE,
    )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.grpc_host)
    try:
        asyncio.run(serve(settings))
    finally:
        provider.shutdown()


if __name__ == "__main__":
    main()
