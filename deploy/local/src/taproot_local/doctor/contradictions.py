"""Settings that each are fine and do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from taproot_local.doctor.findings import Finding, warning, wrong

Settings = Mapping[str, str]
TRUE = {"1", "true", "on", "yes"}


def examine(service: str, settings: Settings, peers: frozenset[str]) -> Iterator[Finding]:
    """`settings`: its TAPROOT_ variables without the prefix, in small letters; `peers`: names of all services."""
    about = f"settings of {service}"
    tls, nats = settings.get("tls_dir", ""), settings.get("nats_url", "")
    if tls and nats and not nats.startswith("tls://"):
        remedy = "let nats_url begin with tls://, and nats-server ask for certificates"
        yield warning(about, "services talk encrypted, but not to NATS", remedy)
    if nats.startswith("tls://") and not tls:
        yield wrong(
            about, "nats_url asks for TLS and tls_dir is empty", "set tls_dir: NATS asks for a certificate"
        )
    endpoint = settings.get("otlp_endpoint", "")
    if settings.get("otlp_ca_file") and not endpoint.startswith("https://"):
        yield warning(about, "otlp_ca_file has no effect", "let otlp_endpoint begin with https://")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        yield wrong(about, f"otlp_endpoint {endpoint} has no scheme", "write http:// or https:// before it")
    public = settings.get("public_url", "")
    if (
        public.startswith("https://")
        and settings.get("cookie_secure", "").lower() not in TRUE
        and service == "gateway"
    ):
        yield wrong(about, "public_url is https and cookie_secure is off", "set cookie_secure=true")
    yield from _addresses(about, settings, peers)


def _addresses(about: str, settings: Settings, peers: frozenset[str]) -> Iterator[Finding]:
    direct, pooled = settings.get("database_direct_url", ""), settings.get("database_url", "")
    if direct and urlsplit(direct).path != urlsplit(pooled).path:
        remedy = "both must name the same database: leases and events would be of another one"
        yield wrong(about, "database_url and database_direct_url name different databases", remedy)
    named = {pair.partition("=")[0] for pair in settings.get("backends", "").split(",") if pair}
    if missing := sorted(peers - named):
        yield wrong(
            about, f"backends names no address of {', '.join(missing)}", "add <service>=<host>:<port>"
        )
