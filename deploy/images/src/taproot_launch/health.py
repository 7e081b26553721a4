"""Asks the service in this container whether it is serving."""

from __future__ import annotations

import os

import grpc
from grpc_health.v1 import health_pb2

SECONDS = 3.0
METHOD = "/grpc.health.v1.Health/Check"


def main() -> int:
    """For Docker's health checks; Kubernetes asks over gRPC itself."""
    address = f"127.0.0.1:{os.environ.get('TAPROOT_HEALTH_PORT') or os.environ['TAPROOT_GRPC_PORT']}"
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            METHOD,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        except grpc.RpcError:
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1
