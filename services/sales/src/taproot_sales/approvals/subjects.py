"""Subject types whose decisions are carried out in this service. Others follow the events of approvals."""

from __future__ import annotations

from taproot_sales.approvals.handlers import Subjects
from taproot_sales.orders.approval import OrderApproval
from taproot_sales.quotes.approval import QuoteApproval

SUBJECTS: Subjects = {"quote": QuoteApproval(), "order": OrderApproval()}
