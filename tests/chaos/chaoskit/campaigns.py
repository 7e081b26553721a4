"""A club whose members agreed to be written to, and campaigns that write to each of them once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chaoskit.traffic import Traffic, until
from taproot_local.errors import LocalError

MEMBERS = 8
EVERY_SECONDS = 6.0
KNOWN_SECONDS = 60.0
Fetch = Callable[[str, str], Awaitable[list[Any]]]


class Campaigns:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._admin = traffic.admin
        self._segment = traffic.id("club")
        self._template = traffic.id("offer")

    async def set_up(self, fetch: Fetch) -> None:
        """Before anything breaks: marketing must know the club, or a campaign would rightly leave some out."""
        members = [await self._traffic.customer(f"club-{n}", "club.example") for n in range(MEMBERS)]
        for member in members:
            await self._agree(member)
        segment = {"id": self._segment, "display_name": "Club", "kind": "SEGMENT_KIND_STATIC"}
        await self._admin.made("/v1/segments", segment)
        await self._admin.post(
            f"/v1/segments/{self._segment}:addMembers", {"customer_ids": members}, key=f"{self._segment}:add"
        )
        await self._admin.made("/v1/templates", self._offer())
        known = f"""SELECT count(*) FROM segment_members m JOIN consent_refs c USING (customer_id)
                    JOIN customer_refs r ON r.id = m.customer_id WHERE m.segment_id = '{self._segment}'"""

        async def all_known() -> bool:
            return bool((await fetch("marketing", known))[0][0] == MEMBERS)

        try:
            await until(all_known, KNOWN_SECONDS, "The club in marketing")
        except LocalError as error:  # a finding, and the books will say what became of its events
            self._traffic.journal.refusals.append(str(error))
        self._traffic.journal.club = members

    async def _agree(self, customer: str) -> None:
        consent = {
            "id": self._traffic.id(f"consent:{customer}"),
            "customer_id": customer,
            "purpose": "marketing",
            "channel": "CONSENT_CHANNEL_EMAIL",
            "decision": "CONSENT_DECISION_GRANTED",
            "source": "drill",
        }
        await self._admin.made("/v1/consents", consent)

    def _offer(self) -> dict[str, Any]:
        text = {"language_code": "en", "subject": "An offer", "text": "Only today."}
        return {
            "id": self._template,
            "key": "chaos_offer",
            "display_name": "Offer",
            "message_class": "MESSAGE_CLASS_MARKETING",
            "contents": [text, text | {"language_code": "zh-CN"}],
        }

    async def start(self, number: int) -> None:
        body = {
            "id": self._traffic.id(f"campaign:{number}"),
            "display_name": f"Campaign {number}",
            "segment_id": self._segment,
            "template_id": self._template,
        }
        made = await self._traffic.post("/v1/campaigns", body, key=f"campaign:{number}")
        await self._traffic.post(f"/v1/campaigns/{made['id']}:start", key=f"campaign:{number}:start")
        self._traffic.journal.campaigns.add(made["id"])
