"""Hot statements: built with SQLAlchemy Core once, compiled to SQL, run on asyncpg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.sql.expression import ClauseElement, Executable

from taproot_storage.dialect import ChassisDialect, encode_json
from taproot_storage.policies import waiver

_dialect = ChassisDialect(json_serializer=encode_json)  # type: ignore[no-untyped-call]  # SQLAlchemy's
_MISSING = object()


class Statement:
    """A statement compiled at first use. Values not given at run time come from its bind parameters."""

    def __init__(self, build: Executable | Callable[[], Executable]) -> None:
        self._build = build
        self._text: str | None = None
        self.waived: str | None = None
        """The scoped tables it touches for every caller, once compiled; None when it touches no scoped table."""
        self._slots: list[tuple[str, Any, Callable[[], Any] | None, Callable[[Any], Any] | None]] = []

    def compiled(self) -> Statement:
        if self._text is None:
            self._compile()
        return self

    @property
    def text(self) -> str:
        self.compiled()
        assert self._text is not None
        return self._text

    @property
    def names(self) -> list[str]:
        """Of its parameters, in the order of `arguments`."""
        self.compiled()
        return [slot[0] for slot in self._slots]

    def _compile(self) -> None:
        source = self._build() if callable(self._build) else self._build
        assert isinstance(source, ClauseElement)
        compiled: Any = source.compile(dialect=_dialect)
        expanded: dict[str, Any] = {}
        if compiled.post_compile_params:  # an IN list: its length is part of the text
            given = compiled.construct_params(escape_names=False, _no_postcompile=True, _check=False)
            expand = compiled._process_parameters_for_postcompile  # noqa: SLF001  # there is no public way
            expanded = expand(given, _populate_self=True).parameters
        self.waived = waiver(compiled.waived) if compiled.scoped else None
        processors = compiled._bind_processors  # noqa: SLF001  # there is no public way
        for name in compiled.positiontup or ():
            bind = compiled.binds.get(name)
            if bind is None:
                self._slots.append((name, expanded[name], None, None))
                continue
            default = _MISSING if bind.required else bind.value
            self._slots.append((name, default, bind.callable, processors.get(name)))
        self._text = compiled.string

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        text = self.text
        found = []
        for name, default, produce, process in self._slots:
            value = values.get(name, default)
            if value is default and produce is not None:
                value = produce()
            if value is _MISSING:
                raise KeyError(f"no value for {name} in: {text}")
            found.append(process(value) if process is not None and value is not None else value)
        return found
