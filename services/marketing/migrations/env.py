"""Alembic environment of the marketing service."""

import taproot_marketing.main  # noqa: F401  # loads every mapped class
from taproot_chassis import migrations, schema
from taproot_marketing.base import Base

migrations.run([schema.metadata, Base.metadata])
