"""Alembic environment of the sales service."""

import taproot_sales.main  # noqa: F401  # loads every mapped class
from taproot_sales.base import Base
from taproot_storage import migrations, schema

migrations.run([schema.metadata, Base.metadata])
