"""Settings every service reads from the environment, once, at start-up."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Variables are `TAPROOT_<NAME>`. Services subclass this with what is their own."""

    model_config = SettingsConfigDict(env_prefix="TAPROOT_", frozen=True, extra="ignore")

    database_url: str
    database_direct_url: str = ""
    """Past any pooler; empty: the same as `database_url`."""
    database_pool_size: int = 10
    database_prepared: bool = True
    """False behind a pooler that cannot keep prepared statements."""
    database_row_security: Literal["off", "prepared", "on"] = "off"
    """Row-level-security policies as a last line. `on`: `migrate` installs them. Whoever does not tell PostgreSQL
    who asks then sees nothing, so a running installation goes through `prepared` both ways: services tell,
    `migrate` installs nothing."""
    nats_url: str
    """Several servers of one cluster are separated by commas."""
    nats_replicas: int = 1
    """Copies JetStream keeps of the service's stream when the service makes it; 3 in a cluster of servers."""
    keys_dir: Path
    """Holds `keys.json` (public keys of all) and `<service>.pem` (this service's own)."""
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 0
    health_port: int = 0
    """gRPC health in the clear, for probes that know no certificates; 0: only on `grpc_port`."""
    tls_dir: str = ""
    """Directory with `ca.crt`, `tls.crt` and `tls.key`: gRPC between services then needs certificates on both
    sides, and so does a `nats_url` that begins with `tls://`. (PostgreSQL has its own in `database_url`.)"""
    metrics_port: int = 0
    """Prometheus `/metrics`; 0: none."""
    role: Literal["api", "worker", "all"] = "all"
    backends: str = ""
    """`<service>=<host>:<port>`, separated by commas: where the other services are."""
    page_token_key: str = Field(default="", repr=False)
    """Signs page tokens; the same in all replicas. Empty: derived from the service's private key."""
    blob_dir: Path = Path(".taproot/blobs")
    trace_dir: str = ""
    otlp_endpoint: str = ""
    """Where traces go over gRPC: `http://` in the clear, `https://` encrypted; empty: nowhere."""
    otlp_ca_file: str = ""
    """Authorities that sign for an `https://` endpoint; empty: the system's."""
    log_level: str = "INFO"
    max_in_flight: int = 400
    drain_seconds: float = 10.0

    def backend(self, name: str) -> str:
        """Address of another service; KeyError names the one that is missing."""
        pairs = dict(pair.split("=", 1) for pair in self.backends.split(",") if pair)
        return pairs[name]
