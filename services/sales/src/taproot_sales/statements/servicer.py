"""gRPC of statements: parse, read, answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from taproot.sales.v1 import statement_pb2 as pb
from taproot.sales.v1 import statement_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales.sales_lines.customers import CustomerRef, members_of, visible_account
from taproot_sales.sales_lines.messages import day_of, money
from taproot_sales.settings import SalesSettings
from taproot_sales.statements import queries
from taproot_sales.statements.rules import Balances, run_balance
from taproot_storage.database import Reader

KIND = "STATEMENT_ENTRY_KIND_"


class StatementsServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._settings = runtime.settings

    async def GetStatement(self, request: rpc.GetStatementRequest, _context: Any) -> pb.Statement:
        start, end = day_of(request, "start_date", ""), day_of(request, "end_date", "")

        async def query(reader: Reader) -> pb.Statement:
            today = reader.clock.now().date()
            last = end or today
            first = start or min(today, last).replace(day=1)
            if last < first:
                raise InvalidArgument([("end_date", "is before start_date")])
            customer = await visible_account(uuid.UUID(request.customer_id), "statements.read", reader)
            return await self._statement(reader, customer, request.currency_code, first, last)

        return await self.read(query)

    async def _statement(
        self, reader: Reader, customer: CustomerRef, asked: str, first: date, last: date
    ) -> pb.Statement:
        members = await members_of(customer.id, reader)
        known = await queries.currencies(reader, members)
        currency = asked or (known[0] if known else self._settings.default_currency)
        opening = await queries.opening_balance(reader, members, currency, first)
        rows = await queries.entries(reader, members, currency, first, last)
        if len(rows) > queries.MOST_ENTRIES:
            raise InvalidArgument(
                [("start_date", f"more than {queries.MOST_ENTRIES} entries; ask for less time")]
            )
        balances = run_balance(opening, [row["amount"] for row in rows])
        return pb.Statement(
            customer_id=str(customer.id),
            customer_name=customer.display_name,
            currency_code=currency,
            start_date=wire.to_date(first),
            end_date=wire.to_date(last),
            opening_balance=money(opening, currency),
            entries=_entries(rows, balances, currency),
            debit=money(balances.debit, currency),
            credit=money(balances.credit, currency),
            closing_balance=money(balances.closing, currency),
            other_currency_codes=[code for code in known if code != currency],
        )


def _entries(rows: Sequence[Any], balances: Balances, currency: str) -> list[pb.StatementEntry]:
    return [
        pb.StatementEntry(
            id=str(row["id"]),
            kind=wire.enum_number(pb.StatementEntryKind, row["kind"], KIND),
            entry_date=wire.to_date(row["entry_date"]),
            document_id=str(row["document_id"]),
            document_number=row["document_number"],
            order_id=wire.text_of(row["order_id"]),
            description=row["description"],
            amount=money(row["amount"], currency),
            balance=money(balance, currency),
        )
        for row, balance in zip(rows, balances.running, strict=True)
    ]
