"""Settings of the customer service; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from typing import Literal

from taproot_base.settings import Settings


class CustomerSettings(Settings):
    default_region: str = "CN"
    """ISO 3166 region assumed for telephone numbers without a country code."""
    hidden_match_policy: Literal["request", "separate"] = "request"
    """What a create answers when the match is in a branch the caller does not see: refuse with a token to
    ask for access by, or make a separate record."""
    default_currency: str = "CNY"
    """ISO 4217 code of the home currency: figures without a currency in their name are in it."""
    parser_processes: int = 1
    """Processes that parse import files, started at the first import."""
