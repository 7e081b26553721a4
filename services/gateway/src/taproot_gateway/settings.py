"""Settings of the gateway; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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
    webhook_allowed_networks: str = ""
    """Ranges of the own network webhooks may be sent to, also over plain http, such as `10.1.0.0/16`; empty: none."""
    webhook_secret_key: str = Field(default="", repr=False)
    """Seals the secrets of webhooks in the database. Empty: derived from the key that signs page tokens."""
    webhook_retry_seconds: float = 5.0
    """Until the second attempt; each further one waits four times as long, at most 6 hours."""
    webhook_attempts: int = 12
    """Then an event is given up: after about two days."""
    webhook_disable_days: float = 5.0
    """An endpoint that has failed for so long is disabled."""
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
    oidc_client_id: str = ""
    """Name of this installation at the provider; with it people sign in there. Its redirect address is
    `<public_url>/auth/oidc/callback`, the one for back-channel logout `<public_url>/auth/oidc/backchannel`."""
    oidc_client_secret: str = Field(default="", repr=False)
    """Empty for a public client: PKCE is used in any case."""
    oidc_scopes: str = "openid profile email"
    oidc_link: Literal["user_name", "email", "none"] = "user_name"
    """How somebody who signs in there for the first time is found here: by `oidc_user_claim`, by a verified e-mail
    address, or not at all. Choose what people cannot change at the provider by themselves."""
    oidc_provision: bool = False
    """True to make a user for whoever may sign in there and is not found here."""
    oidc_branch: str = "/hq/"
    """Path of the branch of users made that way."""
    oidc_groups_claim: str = "groups"
    oidc_group_roles: str = ""
    """`<group>=<role code>`, separated by commas: roles that come and go with groups of the provider."""
    oidc_acr: str = ""
    """Authentication context classes the provider must confirm, separated by blanks, such as one that means two
    factors; empty: none."""

    @property
    def group_roles(self) -> dict[str, str]:
        """Group of the provider -> code of a role."""
        pairs = (part.rpartition("=") for part in self.oidc_group_roles.split(",") if "=" in part)
        return {group.strip(): code.strip() for group, _, code in pairs}

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(part.strip() for part in self.allowed_origins.split(",") if part.strip())
