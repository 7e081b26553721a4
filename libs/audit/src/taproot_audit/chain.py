"""The chain that makes the audit tamper-evident: blocks over its events, each with the hash of the one before.

Pure: the same rules seal, verify a live database and verify an export. A digest is SHA-256 over the event as
JSON with sorted keys; a block's hash covers the digests of its events, and its signature that hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

Event = Mapping[str, Any]
SIZE = 32
START = bytes(SIZE)
"""What stands for the hash before the first block."""
GONE = bytes(SIZE)
"""What stands for the digest of an event that was no more when its block was sealed."""
_PURPOSE = b"taproot audit block\n"

Signed = Callable[[str, bytes, bytes], bool | None]
"""(key id, signature, data) -> whether it is so; None when the key is not known."""
Sign = Callable[[bytes], tuple[str, bytes]]


class Fault(Exception):
    """Something is not as it was sealed; the text says what, for people."""


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON knows it: in exports, and for its digest."""
    return {name: _plain(value) for name, value in record.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value) if isinstance(value, UUID) else value


def digest(event: Event) -> bytes:
    return hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True)
class Block:
    """`digests`: 32 bytes for each of `numbers`."""

    service: str
    number: int
    seal_time: str
    numbers: tuple[int, ...]
    digests: bytes
    previous_hash: bytes
    hash: bytes = b""
    key_id: str = ""
    signature: bytes = b""

    def computed_hash(self) -> bytes:
        said = {
            "service": self.service,
            "number": self.number,
            "seal_time": self.seal_time,
            "numbers": self.numbers,
            "digests": self.digests.hex(),
            "previous_hash": self.previous_hash.hex(),
        }
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()

    @property
    def signed_data(self) -> bytes:
        return _PURPOSE + self.hash

    def held(self) -> dict[int, bytes]:
        parts = (self.digests[at : at + SIZE] for at in range(0, len(self.digests), SIZE))
        return dict(zip(self.numbers, parts, strict=True))

    def as_json(self) -> dict[str, Any]:
        return {
            name: value.hex() if isinstance(value, bytes) else value for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Block:
        return cls(
            service=str(said["service"]),
            number=int(said["number"]),
            seal_time=str(said["seal_time"]),
            numbers=tuple(int(number) for number in said["numbers"]),
            digests=bytes.fromhex(said["digests"]),
            previous_hash=bytes.fromhex(said["previous_hash"]),
            hash=bytes.fromhex(said["hash"]),
            key_id=str(said["key_id"]),
            signature=bytes.fromhex(said["signature"]),
        )


def seal(
    service: str, previous: Block | None, events: Sequence[Event | int], now: datetime, sign: Sign
) -> Block:
    """The next block. `events`: in the order of their numbers; of one that has vanished the number."""
    numbers = tuple(one if isinstance(one, int) else one["number"] for one in events)
    digests = b"".join(GONE if isinstance(one, int) else digest(one) for one in events)
    before = START if previous is None else previous.hash
    number = 1 if previous is None else previous.number + 1
    time = now.astimezone(UTC).isoformat(timespec="microseconds")
    bare = Block(service, number, time, numbers, digests, before)
    hashed = Block(service, number, time, numbers, digests, before, bare.computed_hash())
    key_id, signature = sign(hashed.signed_data)
    return Block(service, number, time, numbers, digests, before, hashed.hash, key_id, signature)


class Chain:
    """Follows blocks in their order; `check` raises Fault at the first that does not fit.

    `previous` None: the first block given must be the first of all, unless `whole` is False.
    `head`: a hash that was noted elsewhere and must be in the chain.
    """

    def __init__(
        self,
        service: str,
        signed: Signed,
        previous: Block | None = None,
        *,
        whole: bool = True,
        head: str = "",
    ) -> None:
        self._service = service
        self._signed = signed
        self._whole = whole
        self._awaited = head
        self.last = previous
        self.blocks = 0
        self.events = 0

    def check(self, block: Block, events: Iterable[Event]) -> None:
        self._check_place(block)
        self._check_seal(block)
        _check_events(block, list(events))
        if block.hash.hex() == self._awaited:
            self._awaited = ""
        self.last = block
        self.blocks += 1
        self.events += len(block.numbers)

    def check_head(self) -> None:
        """After the last block."""
        if self._awaited:
            raise Fault(f"no block has the hash {self._awaited}: the chain was cut short or sealed anew")

    def _check_place(self, block: Block) -> None:
        if block.service != self._service:
            raise Fault(f"block {block.number} is of {block.service}, not of {self._service}")
        if self.last is None and not self._whole:
            return
        expected = 1 if self.last is None else self.last.number + 1
        if block.number > expected:
            raise Fault(f"block {expected} is missing: block {block.number} stands in its place")
        if block.number < expected:
            raise Fault(f"block {block.number} stands out of its place: block {expected} was expected")

    def _check_seal(self, block: Block) -> None:
        sizes_fit = len(block.digests) == SIZE * len(block.numbers)
        ordered = all(one < other for one, other in zip(block.numbers, block.numbers[1:], strict=False))
        if not sizes_fit or not ordered or block.computed_hash() != block.hash:
            raise Fault(f"block {block.number} was altered: its hash is not that of what it holds")
        before = START if self.last is None else self.last.hash
        if block.previous_hash != before and (self.last is not None or self._whole):
            raise Fault(
                f"block {block.number} does not continue the block before it: one of them was replaced"
            )
        is_signed = self._signed(block.key_id, block.signature, block.signed_data)
        if is_signed is None:
            raise Fault(f"block {block.number} is signed with a key that is not known here: {block.key_id}")
        if not is_signed:
            raise Fault(f"block {block.number} was forged: its signature is not that of {block.key_id}")


def _check_events(block: Block, events: Sequence[Event]) -> None:
    held = block.held()
    found = [event["number"] for event in events]
    for number in found:
        if number not in held:
            raise Fault(f"event {number} was inserted: block {block.number} does not hold it")
    present = set(found)
    if len(present) < len(found):
        number = next(one for one in found if found.count(one) > 1)
        raise Fault(f"event {number} was inserted: there is another of that number")
    for number, expected in held.items():
        if expected == GONE:
            raise Fault(f"event {number} was deleted before block {block.number} was sealed")
        if number not in present:
            raise Fault(f"event {number} is missing: block {block.number} holds it")
    if found != list(block.numbers):
        number = next(one for one, other in zip(found, [*block.numbers, None], strict=False) if one != other)
        raise Fault(f"event {number} stands out of its place in block {block.number}")
    for event in events:
        if digest(event) != held[event["number"]]:
            raise Fault(
                f"event {event['number']} was altered: block {block.number} holds another digest of it"
            )
