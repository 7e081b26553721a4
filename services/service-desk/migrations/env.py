"""Alembic environment of the service desk."""

import taproot_servicedesk.main  # noqa: F401  # loads every mapped class
from taproot_chassis import migrations, schema
from taproot_servicedesk.base import Base

migrations.run([schema.metadata, Base.metadata])
