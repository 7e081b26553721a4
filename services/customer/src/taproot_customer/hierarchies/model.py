"""What the organisations above and below each other obey."""

from __future__ import annotations

from taproot_base.errors import InvalidArgument
from taproot_storage.idempotency import lock_key

TREE_LOCK = lock_key("customer", "hierarchy")
"""Held by whatever changes who is above whom, so that two changes cannot close a circle between them."""
MOST_LEVELS = 20


class InvalidParent(InvalidArgument):
    def __init__(self, why: str) -> None:
        super().__init__([("customer.parent_id", why)])
