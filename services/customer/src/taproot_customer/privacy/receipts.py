"""The receipt of an erasure: said once, signed, to be verified without us."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from taproot_customer.privacy.model import SERVICES, Erasure

Sign = Callable[[bytes], tuple[str, bytes]]
HEAD = b"taproot erasure receipt\n"
_COUNTS = {
    "event_count": "events_rewritten",
    "message_count": "messages_deleted",
    "file_count": "files_deleted",
}


def signed(erasure: Erasure, now: datetime, sign: Sign) -> dict[str, str]:
    text = json.dumps(statement(erasure, now), ensure_ascii=False, sort_keys=True)
    key_id, signature = sign(HEAD + text.encode())
    return {"statement": text, "key_id": key_id, "signature": base64.b64encode(signature).decode()}


def statement(erasure: Erasure, now: datetime) -> dict[str, Any]:
    return {
        "erasure_id": str(erasure.id),
        "customer_id": str(erasure.customer_id),
        "requested_by": str(erasure.owner_id) if erasure.owner_id else "",
        "request_time": erasure.create_time.isoformat(),
        "completion_time": now.isoformat(),
        "forced": erasure.forced,
        "subject_hashes": erasure.subject_hashes,
        "services": [_part(service, erasure.parts.get(service, {})) for service in SERVICES],
    }


def _part(service: str, said: dict[str, Any]) -> dict[str, Any]:
    tables = [
        {
            "table": one["table"],
            "rows_deleted": int(one.get("deleted_count", 0)),
            "rows_blanked": int(one.get("blanked_count", 0)),
        }
        | ({"retention": one["retention"]} if one.get("retention") else {})
        for one in said.get("tables", [])
    ]
    return {"service": service, "tables": tables} | {
        shown: int(said.get(name, 0)) for name, shown in _COUNTS.items()
    }
