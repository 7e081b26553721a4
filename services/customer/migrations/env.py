"""Alembic environment of the customer service."""

import taproot_customer.main  # noqa: F401  # loads every mapped class
from taproot_customer.base import Base
from taproot_storage import migrations, schema

migrations.run([schema.metadata, Base.metadata])
