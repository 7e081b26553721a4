"""Requests checked against the contract: all violations at once, each with its field path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import protovalidate
from google.protobuf.message import Message

from taproot_base import telemetry
from taproot_base.context import Call
from taproot_base.descriptors import output_only
from taproot_base.errors import InvalidArgument, Violation

Serve: TypeAlias = Callable[[Any, Any], Awaitable[Any]]

_validator = protovalidate.Validator()


def violations_of(message: Message) -> list[Violation]:
    """What the message's own rules say against it, and output-only fields a caller has set."""
    found = [
        Violation(_path(violation.proto.field), violation.proto.message or violation.proto.rule_id)
        for violation in _validator.collect_violations(message)
    ]
    for field, value in message.ListFields():
        if field.message_type is not None and not field.is_repeated:
            found += [
                Violation(f"{field.name}.{name}", "is set by the service and cannot be given")
                for name in output_only(value)
            ]
    return found


def check(message: Message) -> None:
    violations = violations_of(message)
    if violations:
        raise InvalidArgument(violations)


async def serve_valid(request: Message, call: Call, serve: Serve, context: Any) -> Any:
    """Serve a request that keeps its contract; else say all that is wrong with it in one answer.

    What the handler finds is part of that answer: it runs as a doomed call, whose transaction never
    commits and which reaches no other service.
    """
    found = violations_of(request)
    if not found:
        return await serve(request, context)
    call.doomed = True
    named = {violation.field for violation in found}
    try:
        await serve(request, context)
    except InvalidArgument as error:
        found += [violation for violation in error.violations if violation.field not in named]
    except Exception as error:
        # Whatever else it stumbles over stems from the faults known already.
        telemetry.logger.debug("doomed_call_stumbled", error=type(error).__name__)
    raise InvalidArgument(found)


def _path(field: Any) -> str:
    if field is None:
        return ""
    text = ""
    for element in field.elements:
        text += f".{element.field_name}" if text else element.field_name
        subscript = element.subscript.value if element.subscript else None
        if subscript is not None:
            text += f'["{subscript}"]' if isinstance(subscript, str) else f"[{subscript}]"
    return text
