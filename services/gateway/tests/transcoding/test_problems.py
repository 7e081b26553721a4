from __future__ import annotations

import grpc
import orjson
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.problems import Problem, from_status, invalid


def details(*found: Message) -> bytes:
    status = status_pb2.Status()
    for each in found:
        packed = AnyMessage()
        packed.Pack(each)
        status.details.append(packed)
    return status.SerializeToString()


def reason(text: str) -> Message:
    return error_details_pb2.ErrorInfo(reason=text, domain="taproot", metadata={"customer_id": "1"})


def problem(code: grpc.StatusCode, *found: Message, conditional: bool = False) -> Problem:
    return from_status(code, "what happened", details(*found), conditional=conditional)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 400), (grpc.StatusCode.UNAUTHENTICATED, 401),
        (grpc.StatusCode.PERMISSION_DENIED, 403), (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.ALREADY_EXISTS, 409), (grpc.StatusCode.ABORTED, 409),
        (grpc.StatusCode.FAILED_PRECONDITION, 409), (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.INTERNAL, 500), (grpc.StatusCode.UNIMPLEMENTED, 501),
        (grpc.StatusCode.UNAVAILABLE, 503), (grpc.StatusCode.DEADLINE_EXCEEDED, 504),
    ],
)  # fmt: skip
def test_each_code_has_its_http_status(code: grpc.StatusCode, status: int) -> None:
    assert problem(code).status == status


def test_every_code_is_mapped() -> None:
    assert [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK and problem(c).title == ""] == []


def test_a_lost_race_is_412_only_for_a_conditional_request() -> None:
    assert problem(grpc.StatusCode.ABORTED, reason("ETAG_MISMATCH"), conditional=True).status == 412
    assert problem(grpc.StatusCode.ABORTED, reason("ETAG_MISMATCH")).status == 409
    assert problem(grpc.StatusCode.ABORTED, reason("SERIALIZATION"), conditional=True).status == 409


def test_a_reused_idempotency_key_is_422() -> None:
    assert problem(grpc.StatusCode.ALREADY_EXISTS, reason("IDEMPOTENCY_KEY_REUSED")).status == 422


def test_the_time_to_wait_becomes_a_header() -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=4, nanos=1))
    assert (b"retry-after", b"5") in problem(grpc.StatusCode.RESOURCE_EXHAUSTED, retry).headers()
    assert (b"retry-after", b"1") in problem(grpc.StatusCode.UNAVAILABLE).headers()


def test_the_document_carries_reason_metadata_violations_and_trace() -> None:
    bad = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field="a.b", description="must be text")
        ]
    )
    found = problem(grpc.StatusCode.INVALID_ARGUMENT, reason("BAD_THING"), bad)
    assert orjson.loads(found.body("abc")) == {
        "type": "urn:taproot:problem:bad-thing",
        "title": "The request is not valid",
        "status": 400,
        "detail": "what happened",
        "reason": "BAD_THING",
        "metadata": {"customer_id": "1"},
        "violations": [{"field": "a.b", "description": "must be text"}],
        "trace_id": "abc",
    }


def test_details_that_cannot_be_read_are_left_out() -> None:
    assert from_status(grpc.StatusCode.NOT_FOUND, "x", b"\xff\xff", conditional=False).status == 404


def test_own_violations_look_the_same() -> None:
    assert orjson.loads(invalid([Violation("a", "b")]).body(""))["violations"] == [
        {"field": "a", "description": "b"}
    ]
