"""Settings of the sales service; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from taproot_base.settings import Settings


class SalesSettings(Settings):
    default_currency: str = "CNY"
    """ISO 4217 code of documents that name no currency."""
    payment_terms_days: int = 30
    """Days from invoice to due date where neither quote nor order says."""
