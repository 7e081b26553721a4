"""Ids of demo records: derived from what they stand for, so that a repeat finds what a killed run has made."""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.UUID("6f1d5a0e-3f0b-4a53-9a3e-7e2f2f1f7c11")


def key(*parts: object) -> str:
    """The id of the thing named by `parts`; the same in every installation."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))))
