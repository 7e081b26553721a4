"""Rights on objects: `objects.<verb>` for all types, `objects_<type>.<verb>` for one."""

from __future__ import annotations

from taproot_base.access import Reach
from taproot_base.context import current_call
from taproot_base.errors import PermissionDenied
from taproot_customer.object_types.model import ObjectType

ALL = "objects"


def granted(kind: ObjectType, verb: str) -> str:
    """The resource whose permission the caller has: the type's own goes before that of all.

    Raises PermissionDenied.
    """
    call = current_call()
    if call.principal.kind == "portal":
        raise PermissionDenied("not open to the portal")
    for resource in (kind.resource_type, ALL):
        if call.directory.reach(call.principal, f"{resource}.{verb}") is not None:
            return resource
    raise PermissionDenied(f"this needs the permission {kind.resource_type}.{verb}")


def narrow(kind: ObjectType, verb: str) -> str:
    """From here on the caller reaches the objects of this type that it may `verb`, and all of a shared type."""
    call, resource = current_call(), granted(kind, verb)
    reach = call.directory.require(call.principal, f"{resource}.{verb}")
    call.reaches[ALL] = Reach(everything=True) if kind.shared else reach
    return resource
