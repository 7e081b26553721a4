"""Errors of single parts of a batch, as they stand in its answer."""

from __future__ import annotations

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from taproot_base.errors import DOMAIN, AppError


def to_status(error: AppError) -> Status:
    details = [_packed(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))]
    if error.violations:
        listed = [
            BadRequest.FieldViolation(field=v.field, description=v.description) for v in error.violations
        ]
        details.append(_packed(BadRequest(field_violations=listed)))
    code: int = getattr(grpc.StatusCode, error.kind.value).value[0]
    return Status(code=code, message=error.message, details=details)


def refused_before() -> Status:
    """For a part that was refused when the batch was sent first."""
    code: int = grpc.StatusCode.FAILED_PRECONDITION.value[0]
    return Status(code=code, message="was refused when the batch was sent first; send it in a new batch")


def _packed(message: ErrorInfo | BadRequest) -> Packed:
    packed = Packed()
    packed.Pack(message)
    return packed
