"""Load generator: a process of its own that speaks raw HTTP/1.1 over loopback, bounded in time and count.

Reads one JSON object from stdin (see `Spec`), writes one to stdout: requests per second and latencies.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文华建国志红玉海燕春梅"
ENGLISH = ("Alice", "Bob", "Carla", "David", "Erika", "Frank", "Grace", "Henry", "Ivana", "Jakob")
SURNAMES = ("Miller", "Schmidt", "Novak", "Rossi", "Dubois", "Jensen", "Okafor", "Tanaka", "Silva", "Haddad")
CITIES = ("上海", "杭州", "苏州", "南京", "宁波", "成都", "武汉", "西安")


@dataclass
class Spec:
    """What to send. `rate` 0: each connection sends its next request when the last was answered."""

    port: int
    kind: str
    connections: int = 16
    seconds: float = 4.0
    warm: float = 0.5
    rate: float = 0.0
    token: str = ""
    keys: list[str] = field(default_factory=list)
    """Ids to read."""
    most: int = 60_000
    seed: int = 1


def new_customer(chooser: random.Random) -> dict[str, Any]:
    """A person as a form or a sales representative enters it; half of them with Chinese names."""
    if chooser.random() < 0.5:
        name = {"family_name": chooser.choice(FAMILY), "given_name": "".join(chooser.sample(GIVEN, 2))}
    else:
        name = {"family_name": chooser.choice(SURNAMES), "given_name": chooser.choice(ENGLISH)}
    digits, city = chooser.randrange(10**8), chooser.choice(CITIES)
    return {
        "kind": "CUSTOMER_KIND_PERSON",
        **name,
        "identifiers": [
            {"kind": "IDENTIFIER_KIND_PHONE", "value": f"13{chooser.randrange(10)}{digits:08d}"},
            {"kind": "IDENTIFIER_KIND_EMAIL", "value": f"p{chooser.randrange(10**12):012d}@example.com"},
        ],
        "addresses": [
            {"lines": [f"人民路{digits % 900}号"], "city": city, "postal_code": "200000", "country": "CN"}
        ],
        "industry": "retail",
        "region": city,
        "source": "web",
        "tags": ["new", "trial"],
    }


def request_bytes(spec: Spec, chooser: random.Random) -> bytes:
    """One request, head and body."""
    body = b""
    extra = f"Authorization: Bearer {spec.token}\r\n" if spec.token else ""
    if spec.kind == "create":
        line = "POST /v1/customers"
        body = json.dumps(new_customer(chooser), ensure_ascii=False).encode()
        extra += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        extra += f"Idempotency-Key: {chooser.getrandbits(128):032x}\r\n"
    else:
        suffix = ":profile" if spec.kind == "profile" else ""
        line = f"GET /v1/customers/{chooser.choice(spec.keys)}{suffix}"
    return f"{line} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self.buffer = b""
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: Any = None
        self.says_when = 0
        """Answers with `Retry-After`."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = _content_length(head)
        if len(rest) < length or self.answer is None:
            return
        self.buffer = rest[length:]
        self.says_when += b"\r\nretry-after:" in head.lower()
        waiting, self.answer = self.answer, None
        waiting.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, _error: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("the server closed the connection"))

    async def send(self, data: bytes) -> tuple[int, bytes]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await self.answer


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    if at < 0:
        raise ValueError("an answer without a length")
    return int(head[at + 15 :].partition(b"\r\n")[0])


class Run:
    """One measurement."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        chooser = random.Random(spec.seed)
        wanted = int((spec.seconds + spec.warm) * (spec.rate * 1.2 if spec.rate else 8000))
        self.requests = [request_bytes(spec, chooser) for _ in range(min(spec.most, max(wanted, 100)))]
        self.next = iter(self.requests)
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.accepted: dict[int, list[float]] = {}
        self.refused: dict[int, int] = {}
        self.late = 0
        self.answered = 0
        self.sample = b""

    async def run(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self.spent = -time.process_time()
        links = [
            (await loop.create_connection(Connection, "127.0.0.1", self.spec.port))[1]
            for _ in range(self.spec.connections)
        ]
        begun = time.perf_counter()
        self.measured_from = begun + self.spec.warm
        self.until = self.measured_from + self.spec.seconds
        work = self._paced(links) if self.spec.rate else asyncio.gather(*map(self._closed, links))
        await asyncio.wait_for(work, self.spec.seconds + self.spec.warm + 60)
        seconds = min(time.perf_counter(), self.until) - self.measured_from
        self.spent += time.process_time()
        self.says_when = sum(link.says_when for link in links)
        for link in links:
            link.transport.close()
        return self._report(seconds)

    async def _closed(self, link: Connection) -> None:
        for request in self.next:
            begun = time.perf_counter()
            if begun >= self.until:
                return
            self._note(begun, *await link.send(request))

    async def _paced(self, links: list[Connection]) -> None:
        """Requests fall due at a fixed rate; latency counts from when a request was due."""
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for link in links:
            free.put_nowait(link)
        running: set[asyncio.Task[None]] = set()
        due = time.perf_counter()
        for request in self.next:
            due += 1 / self.spec.rate
            if due >= self.until:
                break
            pause = due - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            else:
                self.late += 1
            link = await free.get()
            task = asyncio.ensure_future(self._one(free, link, request, due))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)

    async def _one(
        self, free: asyncio.Queue[Connection], link: Connection, request: bytes, due: float
    ) -> None:
        self._note(due, *await link.send(request))
        free.put_nowait(link)

    def _note(self, begun: float, status: int, body: bytes) -> None:
        ended = time.perf_counter()
        self.answered += 1
        if begun < self.measured_from or ended > self.until:
            return
        self.latencies.append(ended - begun)
        second = int(ended - self.measured_from)
        if status < 300:
            self.accepted.setdefault(second, []).append(ended - begun)
        else:
            self.refused[second] = self.refused.get(second, 0) + 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.sample = body

    def _report(self, seconds: float) -> dict[str, Any]:
        good = sum(count for status, count in self.statuses.items() if status < 300)
        return {
            "rate": round(good / seconds, 1),
            "p50_ms": at(self.latencies, 0.5),
            "p95_ms": at(self.latencies, 0.95),
            "p99_ms": at(self.latencies, 0.99),
            "by_second": [self._second(second) for second in range(int(self.spec.seconds))],
            "says_when": self.says_when,
            "statuses": self.statuses,
            "done": self.answered,
            "load_seconds": self.spent,
            "seconds": round(seconds, 2),
            "sample": self.sample[:300].decode(errors="replace"),
        }

    def _second(self, second: int) -> dict[str, Any]:
        times = self.accepted.get(second, [])
        return {"good": len(times), "refused": self.refused.get(second, 0), "p99_ms": at(times, 0.99)}


def at(seconds: list[float], share: float) -> float:
    """Milliseconds that this share of them stays below."""
    ordered = sorted(seconds) or [0.0]
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def main() -> None:
    spec = Spec(**json.loads(sys.stdin.read()))
    run = Run(spec)
    gc.collect()
    gc.freeze()
    print(json.dumps(asyncio.run(run.run())))


if __name__ == "__main__":
    main()
