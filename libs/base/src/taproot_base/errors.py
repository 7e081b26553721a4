"""Expected failures. Each is a class with a kind, a stable reason and metadata.

One interceptor turns them into google.rpc.Status; whatever else is raised is a defect and answers INTERNAL.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

DOMAIN = "taproot"


class Kind(Enum):
    """What the caller may do about it; the value is the gRPC status name."""

    INVALID = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    EXISTS = "ALREADY_EXISTS"
    DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    STATE = "FAILED_PRECONDITION"
    CONFLICT = "ABORTED"
    EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE = "DEADLINE_EXCEEDED"


@dataclass(frozen=True)
class Violation:
    field: str
    description: str


class AppError(Exception):
    """Base of every expected failure. Subclasses set `kind` and `reason`."""

    kind: Kind = Kind.STATE
    reason: str = "FAILED"
    audited: bool = False
    """Whether the attempt is worth an event of the audit; what is denied always is."""

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata

    @property
    def violations(self) -> tuple[Violation, ...]:
        return ()


class InvalidArgument(AppError):
    """Bad input: carries every violation at once."""

    kind = Kind.INVALID
    reason = "INVALID_ARGUMENT"

    def __init__(self, violations: Iterable[Violation | tuple[str, str]]) -> None:
        self._violations = tuple(v if isinstance(v, Violation) else Violation(*v) for v in violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self._violations))

    @property
    def violations(self) -> tuple[Violation, ...]:
        return self._violations


class NotFound(AppError):
    kind = Kind.NOT_FOUND
    reason = "NOT_FOUND"

    def __init__(self, resource: str, key: object) -> None:
        super().__init__(f"{resource} {key} does not exist or is not visible to you", resource=resource)


class PermissionDenied(AppError):
    kind = Kind.DENIED
    reason = "PERMISSION_DENIED"


class Unauthenticated(AppError):
    kind = Kind.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class AlreadyExists(AppError):
    kind = Kind.EXISTS
    reason = "ALREADY_EXISTS"


class IdempotencyKeyReused(AlreadyExists):
    reason = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("this request_id was used before with another request")


class EtagMismatch(AppError):
    kind = Kind.CONFLICT
    reason = "ETAG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("the record has changed since it was read; read it again and repeat the change")


class WrongState(AppError):
    """A verb in a state that does not allow it; names the states that do."""

    kind = Kind.STATE
    reason = "WRONG_STATE"

    def __init__(self, resource: str, state: str, allowed: Iterable[str]) -> None:
        names = ", ".join(sorted(allowed))
        super().__init__(f"{resource} is {state}; allowed from: {names}", state=state, allowed=names)


class Unavailable(AppError):
    kind = Kind.UNAVAILABLE
    reason = "UNAVAILABLE"


class ResourceExhausted(AppError):
    """Too much asked for at once. `retry_after` is in seconds."""

    kind = Kind.EXHAUSTED
    reason = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(AppError):
    kind = Kind.DEADLINE
    reason = "DEADLINE_EXCEEDED"


def out_of_room(error: BaseException) -> Unavailable | None:
    """What to answer when a disk is full: no defect, and over as soon as there is room again. None otherwise."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Unavailable("a disk is full; repeat the request later") if full else None
