"""Settings of the gateway; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from taproot_base.settings import Settings


class GatewaySettings(Settings):
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    """REST, pages, health and metrics."""
    grpc_door_host: str = "127.0.0.1"
    grpc_door_port: int = 8081
    """The door for gRPC clients. (`grpc_port` is the gateway's own identity service, never exposed.)"""
    cookie_secure: bool = False
    """True behind TLS: the session cookie is then `__Host-taproot_session` and never sent in the clear."""
    trusted_proxies: int = 0
    """How many proxies of ours stand before the gateway: that many entries of X-Forwarded-For are believed."""
    allowed_origins: str = ""
    """Origins of other web applications that may use the API with cookies, separated by commas."""
    max_body_bytes: int = 4 * 1024 * 1024
    max_upload_bytes: int = 32 * 1024 * 1024
    mail_url: str = ""
    """Where the start page links to for sent mails; empty: no link."""

    admin_user: str = "admin"
    admin_password: str = Field(default="", repr=False)
    """Password of the first administrator. Empty: a random one is written to `admin_password_file`."""
    admin_password_file: Path | None = None
    """Without it and without `admin_password` no first administrator is made."""

    session_hours: float = 12.0
    """Longest life of a session."""
    session_idle_minutes: float = 60.0
    sign_in_attempts: int = 5
    """Attempts on one user name before sign-in is locked."""
    sign_in_attempts_per_address: int = 100
    sign_in_lock_minutes: float = 5.0

    oidc_issuer: str = ""
    """Issuer whose bearer tokens are accepted, such as `https://id.example.com/realms/staff`; empty: none."""
    oidc_audience: str = "taproot"
    oidc_user_claim: str = "preferred_username"
    """Claim that holds the user name of the user record."""

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(part.strip() for part in self.allowed_origins.split(",") if part.strip())
