"""What mapped classes share: `class Base(ModelBase, DeclarativeBase)` in each service, with its own MetaData."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, inspect

from taproot_chassis.schema import NAMING


class ModelBase:
    """Plain column defaults are there from the start, not only after the flush: verbs rely on them."""

    def __init__(self, **values: Any) -> None:
        mapper: Any = inspect(type(self))
        for attribute in mapper.column_attrs:
            default = getattr(attribute.columns[0], "default", None)
            if (
                default is not None
                and attribute.key not in values
                and default.is_callable | default.is_scalar
            ):
                setattr(self, attribute.key, default.arg(None) if default.is_callable else default.arg)
        for name, value in values.items():
            setattr(self, name, value)

    def set_all(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)
