"""Alembic environment of the gateway."""

import taproot_gateway.main  # noqa: F401  # loads every mapped class
from taproot_gateway.base import Base
from taproot_storage import migrations, schema

migrations.run([schema.metadata, Base.metadata])
