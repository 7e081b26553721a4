"""How services reach each other: in the clear, or with certificates on both sides when a directory of them is set."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc

CA, CERTIFICATE, KEY = "ca.crt", "tls.crt", "tls.key"
_SIZES = [
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", 32 * 1024 * 1024),
]
_ALIVE_MS = 30_000
# Replicas that say they are not serving, as one that is about to stop does, are given no new calls.
_SERVICE_CONFIG = '{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}'
CHANNEL_OPTIONS = [
    ("grpc.service_config", _SERVICE_CONFIG),
    # A replica that was replaced is found within seconds, and so before the next one goes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    ("grpc.keepalive_time_ms", _ALIVE_MS),
    *_SIZES,
]
SERVER_OPTIONS = [
    ("grpc.max_connection_age_ms", 300_000),  # grpc adds a jitter of 10 % itself
    ("grpc.max_connection_age_grace_ms", 30_000),
    # Else whoever asks for signs of life oftener than every five minutes is cut off, calls under way included.
    ("grpc.http2.min_ping_interval_without_data_ms", _ALIVE_MS // 3),
    ("grpc.so_reuseport", 0),
    *_SIZES,
]


@dataclass(frozen=True)
class Transport:
    """`directory` holds `ca.crt`, `tls.crt` and `tls.key`, as cert-manager writes them; None: no encryption.

    A server reads its certificate again for each connection, a client when it opens a channel.
    """

    directory: Path | None = None

    @classmethod
    def of(cls, directory: str) -> Self:
        return cls(Path(directory) if directory else None)

    def channel(self, address: str, options: Sequence[tuple[str, Any]]) -> Any:
        """`address`: `host:port`; replicas without a name in common are joined by `+` (`10.0.0.1:9000+10.0.0.2:9000`)."""
        target = f"ipv4:{address.replace('+', ',')}" if "+" in address else address
        if self.directory is None:
            return grpc.aio.insecure_channel(target, options=options)
        ca, certificate, key = self._files()
        return grpc.aio.secure_channel(
            target, grpc.ssl_channel_credentials(ca, key, certificate), options=options
        )

    def add_port(self, server: Any, address: str) -> int:
        """Only callers with a certificate of the same authority get in. Raises RuntimeError when it cannot bind."""
        if self.directory is None:
            return int(server.add_insecure_port(address))
        credentials = grpc.dynamic_ssl_server_credentials(
            self._configuration(), self._configuration, require_client_authentication=True
        )
        return int(server.add_secure_port(address, credentials))

    def context(self) -> ssl.SSLContext | None:
        """For servers that are not gRPC (`tls://` URLs); None: the system's authorities, no client certificate."""
        if self.directory is None:
            return None
        context = ssl.create_default_context(cafile=self.directory / CA)
        context.load_cert_chain(self.directory / CERTIFICATE, self.directory / KEY)
        return context

    def _configuration(self) -> Any:
        ca, certificate, key = self._files()
        return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=ca)

    def _files(self) -> tuple[bytes, bytes, bytes]:
        assert self.directory is not None
        ca, certificate, key = ((self.directory / name).read_bytes() for name in (CA, CERTIFICATE, KEY))
        return ca, certificate, key
