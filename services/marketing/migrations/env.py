"""Alembic environment of the marketing service."""

import taproot_marketing.main  # noqa: F401  # loads every mapped class
from taproot_marketing.base import Base
from taproot_storage import migrations, schema

migrations.run([schema.metadata, Base.metadata])
