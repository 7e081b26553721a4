"""ETag, If-Match and If-None-Match (RFC 9110 section 13).

The tag of a record is its version and a hash of what the answer says: two callers who see different fields,
or one caller before and after a change of rights, never share a tag. If-Match uses the version alone.
"""

from __future__ import annotations

import hashlib
import re

from taproot_gateway.transcoding.routes import Payload

_SEPARATOR = "~"
_PAGE_TOKEN = b',"next_page_token":"'
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def entity_tag(payload: Payload) -> str:
    # A page token is new each time though the page is the same; quotes inside values are escaped, so the
    # pattern is found nowhere else.
    body = payload.body[: payload.body.rfind(_PAGE_TOKEN)] if _PAGE_TOKEN in payload.body else payload.body
    digest = hashlib.blake2b(body, digest_size=6).hexdigest()
    return f'"{payload.etag}{_SEPARATOR}{digest}"' if payload.etag else f'W/"{digest}"'


def version_asked(if_match: str) -> str:
    """The version an If-Match header asks for; empty for none and for `*`."""
    match = _TAG.search(if_match)
    tag = match.group(1) if match else if_match.strip()
    return "" if tag == "*" else tag.partition(_SEPARATOR)[0]


def not_modified(if_none_match: str, tag: str) -> bool:
    if if_none_match.strip() == "*":
        return True
    wanted = tag.removeprefix("W/")
    return any(f'"{known}"' == wanted for known in _TAG.findall(if_none_match))
