"""The release after this one: a copy of a service with a new column, an index built beside the running service, and code that uses them."""

from __future__ import annotations

import shutil
from pathlib import Path

from taproot_local.home import repository

VERSION = "0.2.0"
_COLUMN = f"""

from sqlalchemy import event as _event  # noqa: E402

Customer.written_by = mapped_column(Text, nullable=True)  # type: ignore[attr-defined]


@_event.listens_for(Customer, "init")
def _stamp(target, _arguments, _values):
    target.written_by = "{VERSION}"
"""
_MIGRATION = '''"""A column and an index, added while the release before runs."""

import sqlalchemy as sa
from alembic import op

revision = "0999"
down_revision = {before!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("written_by", sa.Text(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index("ix_customers_written_by", "customers", ["written_by"], postgresql_concurrently=True)
'''


def next_customer_release(directory: Path) -> Path:
    package = directory / "customer"
    shutil.copytree(repository() / "services" / "customer", package, ignore=shutil.ignore_patterns("tests"))
    settings = package / "pyproject.toml"
    settings.write_text(settings.read_text().replace('version = "0.1.0"', f'version = "{VERSION}"'))
    model = package / "src" / "taproot_customer" / "customers" / "model.py"
    model.write_text(model.read_text() + _COLUMN)
    versions = package / "migrations" / "versions"
    newest = max(path.stem.split("_")[0] for path in versions.glob("0*.py"))
    (versions / "0999_written_by.py").write_text(_MIGRATION.format(before=newest))
    return package
