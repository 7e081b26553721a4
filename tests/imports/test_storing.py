"""What becomes of rows when the service cannot answer."""

from __future__ import annotations

import httpx
import pytest

from taproot_local.api import ApiError, Client
from taproot_local.imports.report import StepReport
from taproot_local.imports.rows import Row
from taproot_local.imports.storing import Entry, Store
from taproot_local.imports.targets import target

ENTRIES = [
    Entry(Row("rows.csv", number, {}), {"id": str(number), "display_name": "一"}) for number in range(3)
]


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("into", ["customers", "tickets"])
async def test_a_service_that_cannot_answer_ends_the_import_and_refuses_no_row(
    status: int, into: str
) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, json={"reason": "BUSY"}))
    report = StepReport("step")
    async with httpx.AsyncClient(transport=transport, base_url="http://taproot") as http:
        store = Store(Client(http, patience=0.1), target(into), report)
        with pytest.raises(ApiError, match="BUSY"):
            await store.put(ENTRIES, {})
    assert not report.rejected
