"""Composition root of the customer service."""

from __future__ import annotations

from pathlib import Path

from taproot_chassis.service import Definition, Parts, Runtime
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.customers.servicer import CustomersServicer
from taproot_customer.settings import CustomerSettings

ENCODERS = {Customer: customers.to_event}


def build(runtime: Runtime[CustomerSettings]) -> Parts:
    return Parts(
        servicers={"taproot.customer.v1.CustomersService": CustomersServicer(runtime)},
    )


DEFINITION = Definition("customer", CustomerSettings, ENCODERS, build, Path(__file__).parent)
