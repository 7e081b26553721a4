"""Required fields and defaults, on a service without records."""

from __future__ import annotations

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1.customer_service_pb2 import UpdateCustomerRequest
from taproot_base.errors import AppError


def wrong(error: AppError) -> dict[str, str]:
    return {v.field.removeprefix("customer.custom."): v.description for v in error.violations}


async def test_required_defaults_and_types_are_told_together(define, named, failure):
    await define("needed", "integer", required=True)
    await define("by_default", "enum", options=["x", "y"], default_value="y")
    error = await failure(named("缺", by_default="z"))
    assert wrong(error) == {"needed": "is required", "by_default": "expected one of x, y"}
    made = await named("全", needed=1)
    assert dict(made.custom) == {"needed": "1", "by_default": "y"}


async def test_what_is_required_cannot_be_taken_away(customers, named, failure):
    made = await named("全", needed=1)
    customer = customer_pb2.Customer(id=made.id)
    customer.custom.update({"needed": None})
    error = await failure(customers.UpdateCustomer(UpdateCustomerRequest(customer=customer)))
    assert wrong(error) == {"needed": "is required and cannot be taken away"}
