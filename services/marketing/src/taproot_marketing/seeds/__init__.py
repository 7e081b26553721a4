"""Ready-made templates and journeys, planted once."""

from taproot_marketing.seeds.planting import plant

__all__ = ["plant"]
