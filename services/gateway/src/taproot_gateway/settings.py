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
    requests_per_user: int = 6_000
    """Most requests in a minute, over all gateways, and at most so many at once; 0: no limit. So are the next three."""
    requests_per_key: int = 6_000
    requests_per_branch: int = 60_000
    requests_per_address: int = 3_000
    """Of callers who are not signed in."""
    requests_per_branch_day: int = 0
    """Quota of a branch in 24 hours; 0: none."""
    streams_per_user: int = 20
    """Streams of events one user may have open at one gateway."""
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
    """Attempts on one user name from one network address before that pair is locked."""
    sign_in_attempts_per_name: int = 20
    """Attempts on one user name from anywhere the user has not signed in lately; then a lock of a minute at most."""
    sign_in_attempts_per_address: int = 100
    sign_in_lock_seconds: float = 30.0
    """First lock; each further one is twice as long."""
    sign_in_lock_most_seconds: float = 300.0

    password_min_length: int = Field(default=10, ge=10, le=100)
    password_breach_file: Path | None = None
    """Sorted file of SHA-1 hashes of stolen passwords, one `HASH:COUNT` a line; they are refused."""
    reset_minutes: float = 30.0
    """How long a mailed link to choose a new password works."""
    invitation_hours: float = 72.0

    sealing_keys: str = Field(default="", repr=False)
    """Secrets, separated by commas, that seal what must be read again (second factors): the first one seals, all open.
    The same in all replicas. Empty: derived from the gateway's private key, which then must not be changed."""

    smtp_url: str = Field(default="", repr=False)
    """`smtp[s]://[user:password@]host[:port][?starttls=required|auto|off&verify=off]`; empty: mails wait for a day."""
    mail_sender: str = "no-reply@taproot.example"
    mail_sender_name: str = "Taproot"
    public_url: str = "http://127.0.0.1:8080"
    """Where people reach us: start of the links in mails."""

    oidc_issuer: str = ""
    """Issuer whose bearer tokens are accepted, such as `https://id.example.com/realms/staff`; empty: none."""
    oidc_audience: str = "taproot"
    oidc_user_claim: str = "preferred_username"
    """Claim that holds the user name of the user record."""

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(part.strip() for part in self.allowed_origins.split(",") if part.strip())
