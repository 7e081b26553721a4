"""The charts of this checkout, assembled and rendered once per value set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for source in ("deploy/helm", "deploy/images/src", "tests/deploy/helpers"):
    sys.path.insert(0, str(ROOT / source))

from rendering import Charts  # noqa: E402  # found by the path just set


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Charts:
    return Charts(tmp_path_factory.mktemp("charts"))
