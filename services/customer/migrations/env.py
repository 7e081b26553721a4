"""Alembic environment of the customer service."""

import taproot_customer.main  # noqa: F401  # loads every mapped class
from taproot_chassis import migrations, schema
from taproot_customer.base import Base

migrations.run([schema.metadata, Base.metadata])
