"""The gRPC server of a service: health, reflection, drain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from taproot_base.descriptors import MethodRule, method_rules
from taproot_base.transport import SERVER_OPTIONS, Transport

FORGET_SECONDS = 1.0
"""Callers watch a server's health and choose another at once; on a busy machine that takes a moment."""


class MethodNotServed(RuntimeError):
    """The contract has a method that the servicer lacks."""


def rules_of(servicers: Mapping[str, Any]) -> dict[str, MethodRule]:
    """Access rules of all methods of the given services (full service name -> servicer)."""
    found: dict[str, MethodRule] = {}
    for name in servicers:
        found.update(method_rules(name))
    return found


def bind(server: Any, service_name: str, servicer: Any) -> None:
    """Register a servicer; every method of the contract must be there."""
    descriptor = descriptor_pool.Default().FindServiceByName(service_name)
    handlers = {}
    for method in descriptor.methods:
        serve = getattr(servicer, method.name, None)
        if serve is None:
            raise MethodNotServed(f"{service_name}.{method.name} is not implemented")
        make = (
            grpc.unary_stream_rpc_method_handler
            if method.server_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        request = message_factory.GetMessageClass(method.input_type)
        handlers[method.name] = make(
            serve,
            request_deserializer=request.FromString,
            response_serializer=_serialize,
        )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, handlers),))


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


class GrpcServer:
    """`health_port`: health alone, in the clear; 0: none."""

    def __init__(
        self,
        servicers: Mapping[str, Any],
        interceptor: Any,
        host: str,
        port: int,
        transport: Transport | None = None,
        health_port: int = 0,
    ) -> None:
        self._server = grpc.aio.server(interceptors=[interceptor], options=SERVER_OPTIONS)
        for name, servicer in servicers.items():
            bind(self._server, name, servicer)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*servicers, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port: int = (transport or Transport()).add_port(self._server, f"{host}:{port}")
        self._probed = grpc.aio.server() if health_port else None
        if self._probed is not None:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probed)
            self._probed.add_insecure_port(f"{host}:{health_port}")

    async def start(self) -> None:
        await self._server.start()
        if self._probed is not None:
            await self._probed.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, seconds: float) -> None:
        """Tell the callers, serve what they sent before they knew, let running calls end, then close."""
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        await asyncio.sleep(min(FORGET_SECONDS, seconds))
        await self._server.stop(seconds)
        if self._probed is not None:
            await self._probed.stop(None)

    async def wait(self) -> None:
        await self._server.wait_for_termination()


async def sleep_for_ever() -> None:
    await asyncio.Event().wait()
