"""How far the records of all services have followed a branch."""

from __future__ import annotations

import asyncio

from taproot.operations.v1 import branch_move_service_pb2 as pb
from taproot_base.errors import AppError, Kind, NotFound
from taproot_gateway.backends import Backends, Metadata

SERVICE = "taproot.operations.v1.BranchMovesService"


class BranchMoves:
    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def call(self, path: str, request: bytes, metadata: Metadata, seconds: float | None) -> bytes:
        """A service that does not know of the move yet, or not of one as new, has not followed."""
        names = sorted(self._backends.names)
        found = await asyncio.gather(*(self._ask(name, path, request, metadata, seconds) for name in names))
        known = [move for move in found if move is not None]
        if not known:
            raise NotFound("move of branch", pb.GetBranchMoveRequest.FromString(request).id)
        newest = max(known, key=lambda move: move.version)
        done = [move.parts[0] if move and move.version == newest.version else None for move in found]
        parts = [part or pb.BranchMovePart(service=name) for name, part in zip(names, done, strict=True)]
        answer = pb.BranchMove(
            id=newest.id,
            previous_path=newest.previous_path,
            path=newest.path,
            version=newest.version,
            done=all(part.HasField("done_time") for part in parts),
            parts=parts,
        )
        return answer.SerializeToString()

    async def _ask(
        self, name: str, path: str, request: bytes, metadata: Metadata, seconds: float | None
    ) -> pb.BranchMove | None:
        try:
            return pb.BranchMove.FromString(await self._backends.call(name, path, request, metadata, seconds))
        except AppError as error:
            if error.kind is Kind.NOT_FOUND:
                return None
            raise
