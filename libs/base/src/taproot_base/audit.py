"""What a call leaves behind for the audit: gathered while it is served, written with its effect.

Only ids and names of fields, never a value of a record.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Category(Enum):
    """Why an event of the audit was written."""

    CHANGE = "change"
    REFUSAL = "refusal"
    READ = "read"


@dataclass
class Note:
    """About one call. `changes`: each of its transactions is worth an event; `quiet`: only one that changed records.

    `written` says that a transaction has taken the note along.
    """

    request: Any = None
    client: str = ""
    changes: bool = True
    quiet: bool = False
    written: bool = False
    records: dict[str, None] = field(default_factory=dict)
    """Ids of what the call is about, in the order they became known."""

    def about(self, *keys: object) -> None:
        self.records.update({str(key): None for key in keys if key})


def client_hash(secret: bytes, address: str) -> str:
    """By it clients can be told apart, and not be found."""
    return hmac.new(secret, address.encode(), hashlib.sha256).hexdigest()[:16]
