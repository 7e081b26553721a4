"""What every service has of its own and looks like one here: long-running operations, the audit, and what follows a branch.

A call about one operation goes to the service its name gives. A list asks every service and merges.
"""

from __future__ import annotations

from taproot.operations.v1 import operations_pb2 as pb
from taproot_base.errors import NotFound
from taproot_gateway import audit, moves
from taproot_gateway.backends import Backends, Metadata
from taproot_gateway.fanning import Fan, Listing

SERVICE = "taproot.operations.v1.OperationsService"
LIST = f"/{SERVICE}/ListOperations"
# Names end in UUIDv7 keys, whose order is that of their creation.
LISTING = Listing(
    LIST,
    pb.ListOperationsRequest,
    pb.ListOperationsResponse,
    "operations",
    lambda operation: operation.name.rpartition("/")[2],
    "create_time",
    lambda operation: pb.OperationMetadata.FromString(operation.metadata.value).create_time.ToJsonString(),
)


class BadName(NotFound):
    """The operation's name gives no service of ours."""

    def __init__(self, name: str) -> None:
        super().__init__("operation", name)


class Operations:
    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._fan = Fan(backends, LISTING)
        self._audit = audit.AuditEvents(backends)
        self._moves = moves.BranchMoves(backends)

    async def call(self, path: str, request: bytes, metadata: Metadata, seconds: float | None) -> bytes:
        if path == LIST:
            return await self._fan.pages(request, metadata, seconds)
        if path.startswith(f"/{audit.SERVICE}/"):
            return await self._audit.call(path, request, metadata, seconds)
        if path.startswith(f"/{moves.SERVICE}/"):
            return await self._moves.call(path, request, metadata, seconds)
        # Get, Cancel and Wait have the name as their first field.
        name = pb.GetOperationRequest.FromString(request).name
        return await self._backends.call(self._backend(name), path, request, metadata, seconds)

    def _backend(self, name: str) -> str:
        parts = name.split("/")
        if len(parts) != 3 or parts[0] != "operations" or parts[1] not in self._backends.names:
            raise BadName(name)
        return parts[1]
