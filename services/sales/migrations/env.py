"""Alembic environment of the sales service."""

import taproot_sales.main  # noqa: F401  # loads every mapped class
from taproot_chassis import migrations, schema
from taproot_sales.base import Base

migrations.run([schema.metadata, Base.metadata])
