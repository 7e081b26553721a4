"""The five services as the charts see them."""

from __future__ import annotations

import json
from dataclasses import dataclass

VERSION = "0.1.0"
OWNED_BY_THE_CHART = frozenset({
    "admin_password_file", "admin_password", "backends", "blob_dir", "database_url", "database_direct_url",
    "drain_seconds", "form_salt", "grpc_door_host", "grpc_door_port", "grpc_host", "grpc_port", "health_port",
    "http_host", "http_port", "keys_dir", "link_key", "metrics_port", "nats_replicas", "nats_url", "otlp_endpoint",
    "page_token_key", "role", "smtp_url", "tls_dir", "trace_dir",
})  # fmt: skip
"""Settings that are secrets, or follow from other values."""

MAIL_EGRESS = [{
    "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
    "ports": [{"protocol": "TCP", "port": port} for port in (25, 465, 587, 2525)],
}]  # fmt: skip
HTTPS_EGRESS = [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": 443}]}]
VISITORS = """  # -- Who may come to the doors: peers of a NetworkPolicy. Default: anybody who reaches the pods, as ingress
  # controllers live in various places.
  visitors: [{ipBlock: {cidr: 0.0.0.0/0}}]
"""


@dataclass(frozen=True)
class Service:
    """`api` and `worker` are the memory at rest in MiB that requests are made from, as measured."""

    name: str
    description: str
    calls: tuple[str, ...]
    api_memory: int
    worker_memory: int
    config: str = "{}"
    blobs: bool = False
    egress: str = "[]"

    @property
    def callers(self) -> list[str]:
        return [other.name for other in SERVICES if self.name in other.calls]

    def texts(self) -> dict[str, str]:
        """What stands for the `{names}` of service.values.yaml."""
        return {
            "service": self.name,
            "api_resources": _resources("200m", self.api_memory, "2"),
            "worker_resources": _resources("100m", self.worker_memory, "1"),
            "migration_resources": _resources("100m", 128, "1"),
            "config": self.config,
            "blobs": str(self.blobs).lower(),
            "callers": _listed(self.callers),
            "calls": _listed(self.calls),
            "extra_egress": self.egress,
            "network_more": VISITORS if self.name == "gateway" else "",
        }


def _resources(cpu: str, memory: int, limit: str) -> str:
    return f'{{requests: {{cpu: {cpu}, memory: {memory}Mi}}, limits: {{cpu: "{limit}", memory: {memory * 4}Mi}}}}'


def _listed(names: object) -> str:
    return f"[{', '.join(names)}]" if isinstance(names, list | tuple) else "[]"


SERVICES = (
    Service("customer", "customers, contacts, timeline, profile, segments, imports",
            ("customer", "sales", "servicedesk", "marketing", "gateway"), 128, 128, blobs=True),
    Service("sales", "leads, opportunities, quotes, orders, receivables",
            ("customer", "marketing", "gateway"), 128, 128),
    Service("servicedesk", "tickets, service levels, calls, dispatch, surveys",
            ("customer", "sales", "servicedesk", "gateway"), 128, 128),
    Service("marketing", "forms, campaigns, journeys, mail, loyalty",
            ("customer", "sales", "servicedesk", "gateway"), 128, 128, egress=json.dumps(MAIL_EGRESS)),
    Service("gateway", "REST and gRPC doors, identities",
            ("customer", "sales", "servicedesk", "marketing", "gateway"), 192, 128,
            egress=json.dumps([*HTTPS_EGRESS, *MAIL_EGRESS])),
)  # fmt: skip
