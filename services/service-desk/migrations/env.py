"""Alembic environment of the service desk."""

import taproot_servicedesk.main  # noqa: F401  # loads every mapped class
from taproot_servicedesk.base import Base
from taproot_storage import migrations, schema

migrations.run([schema.metadata, Base.metadata])
