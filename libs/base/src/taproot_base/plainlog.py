"""structlog without rich, which it loads wherever it is installed to draw tracebacks in colour.

Services write JSON; five megabytes in each of them would serve nothing.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # how Python marks what must not be imported

import structlog  # noqa: E402

__all__ = ["structlog"]
