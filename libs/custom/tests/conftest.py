"""The PostgreSQL and the sample records of the list language's own tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_LISTING = Path(__file__).parents[2] / "listing" / "tests" / "conftest.py"
_spec = importlib.util.spec_from_file_location("listing_conftest", _LISTING)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

postgres_url = _module.postgres_url
connection = _module.connection
