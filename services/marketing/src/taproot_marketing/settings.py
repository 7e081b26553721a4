"""Settings of the marketing service; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from pydantic import Field

from taproot_base.settings import Settings


class MarketingSettings(Settings):
    smtp_url: str = Field(default="", repr=False)
    """`smtp[s]://[user:password@]host[:port][?starttls=required|auto|off&verify=off]`; empty: mails wait."""
    mail_sender: str = "no-reply@taproot.example"
    """Address mails come from; its domain also ends every Message-ID."""
    mail_sender_name: str = "Taproot"
    mail_parallel: int = 8
    """Conversations with the mail server at once, per process."""
    mail_domain_per_minute: int = 120
    """Most messages to one recipient domain in a minute, over all processes."""
    mail_claim_seconds: int = 300
    """After this a claim without a result counts as lost; longer than any conversation may take."""
    mail_poll_seconds: float = 0.5
    public_url: str = "http://127.0.0.1:8080"
    """Where readers reach us: start of the links in mails."""
    link_key: str = Field(default="", repr=False)
    """Signs the links in mails; the same in all replicas. Empty: derived like the page tokens' key."""
    form_salt: str = Field(default="", repr=False)
    """Mixed into the hashes of visitors' network addresses. Empty: derived like the page tokens' key."""
