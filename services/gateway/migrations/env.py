"""Alembic environment of the gateway."""

import taproot_gateway.main  # noqa: F401  # loads every mapped class
from taproot_chassis import migrations, schema
from taproot_gateway.base import Base

migrations.run([schema.metadata, Base.metadata])
