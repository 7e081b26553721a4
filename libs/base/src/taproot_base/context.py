"""The call being served: who, by which permission, until when. Carried in a context variable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taproot_base.audit import Note
from taproot_base.auth import Principal

if TYPE_CHECKING:
    from taproot_base.access import AccessDirectory, Reach


@dataclass
class Call:
    """One request, message or job run."""

    principal: Principal
    directory: AccessDirectory
    method: str = ""
    permission: str = ""
    token: str | None = None
    masked: frozenset[str] = frozenset()
    statements: list[str] = field(default_factory=list)
    """SQL sent for this call, recorded only when `trace_statements` asks for it."""
    trace_statements: bool = False
    admitted: set[str] = field(default_factory=set)
    """Ids of foreign records whose own service has shown them to this caller."""
    reaches: dict[str, Reach] = field(default_factory=dict)
    """Resource -> how far the caller reaches, where the permission of the method does not say it."""
    doomed: bool = False
    """The request breaks its contract and is served only to find what else is wrong: nothing is kept."""
    note: Note | None = None
    """What the audit is to know of this call; None for what is not audited."""

    def check_undoomed(self) -> None:
        """Stop a doomed call before anything of it would last or reach another service."""
        if self.doomed:
            raise Doomed


class Doomed(Exception):
    """A doomed call came to the point where it would have had an effect."""


_current: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    return _current.get()


def current_call_or_none() -> Call | None:
    return _current.get(None)


def about(*keys: object) -> None:
    """Tell the audit which records the current call is about."""
    call = current_call_or_none()
    if call is not None and call.note is not None:
        call.note.about(*keys)


@contextmanager
def calling(call: Call) -> Iterator[Call]:
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
