"""Base of this service's mapped classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase

from taproot_base.errors import AlreadyExists, AppError
from taproot_storage.database import UnitOfWork
from taproot_storage.model import ModelBase, new_metadata


class Base(ModelBase, DeclarativeBase):
    metadata = new_metadata()


class IdExists(AlreadyExists):
    reason = "ID_EXISTS"

    def __init__(self) -> None:
        super().__init__("a record with this id exists")


async def flush_unique(work: UnitOfWork, refusals: Mapping[str, Callable[[], AppError]]) -> None:
    """Write now; a broken unique index named in `refusals` becomes its error."""
    try:
        await work.flush()
    except IntegrityError as error:
        text = str(error.orig)
        for index, refusal in refusals.items():
            if index in text:
                raise refusal() from error
        if "pk_" in text:
            raise IdExists from error
        raise
