"""One attempt: a POST to the address that was judged, bounded in time and in what is read of the answer."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Any

from taproot_gateway.webhooks.guard import Guard, Refused, Target

SECONDS = 10.0
MOST_BYTES = 16_384
"""Of the answer; what is longer is cut off unread."""
_MOST_RETRY_AFTER = 3_600
AGENT = "Taproot-Webhooks/1.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    """0 when there was no answer."""
    error: str = ""
    retry_after: int = 0

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


async def post(guard: Guard, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
    """Never raises for what the other side does."""
    try:
        async with asyncio.timeout(SECONDS):
            target = guard.target(url)
            address = await guard.resolve(target)
            return await _post(target, str(address), body, headers)
    except Refused as error:
        return Outcome(0, f"the address {error}")
    except TimeoutError:
        return Outcome(0, f"no answer within {SECONDS:g} s")


@cache
def trust() -> ssl.SSLContext:
    """Made once: reading the certificate authorities takes as long as thirty attempts."""
    return ssl.create_default_context()


async def _post(target: Target, address: str, body: bytes, headers: dict[str, str]) -> Outcome:
    import httpx  # loaded late: it takes 3 MB, and most processes send nothing

    literal = f"[{address}]" if ":" in address else address
    named = f"[{target.host}]" if ":" in target.host else target.host
    usual = 443 if target.scheme == "https" else 80
    sent = {
        **headers,
        "host": named if target.port == usual else f"{named}:{target.port}",
        "content-type": "application/json",
        "user-agent": AGENT,
        "accept-encoding": "identity",
    }
    # A client for one attempt: pooled connections are told apart by address, and two hosts may share one.
    async with httpx.AsyncClient(verify=trust(), timeout=SECONDS, trust_env=False) as client:
        try:
            request = client.build_request(
                "POST",
                f"{target.scheme}://{literal}:{target.port}{target.path}",
                content=body,
                headers=sent,
                extensions={"sni_hostname": target.host},
            )
            answer = await client.send(request, stream=True)
            try:
                await _read_some(answer)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(0, f"could not be reached ({type(error).__name__})")
    return _outcome(answer)


async def _read_some(answer: Any) -> None:
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > MOST_BYTES:
            return


def _outcome(answer: Any) -> Outcome:
    status = answer.status_code
    wait = answer.headers.get("retry-after", "")
    retry_after = min(int(wait), _MOST_RETRY_AFTER) if wait.isdigit() and len(wait) < 7 else 0
    if 200 <= status < 300:
        return Outcome(status)
    said = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
    return Outcome(status, said, retry_after)
