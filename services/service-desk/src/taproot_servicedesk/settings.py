"""Settings of the service desk; variables are `TAPROOT_<NAME>`."""

from __future__ import annotations

from taproot_base.settings import Settings


class ServiceDeskSettings(Settings):
    default_region: str = "CN"
    """ISO 3166 region assumed for telephone numbers without a country code."""
    default_time_zone: str = "Asia/Shanghai"
    """Zone of customers whose own is not known."""
