"""Base of this service's mapped classes."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase

from taproot_storage.model import ModelBase, new_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()
