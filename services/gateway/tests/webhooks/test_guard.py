"""Where webhooks may go, and that exactly the address that was judged is dialled."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from taproot_gateway.webhooks import sending
from taproot_gateway.webhooks.guard import Guard, Refused
from taproot_gateway.webhooks.runner import retry_delay
from taproot_gateway.webhooks.sending import post


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https:///x", "example.com",
        "https://user:pw@example.com/", "https://user@example.com/", "https://example.com:22/", "https://example.com:0x/",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.1.2.3/",
        "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data", "https://0.0.0.0/",
        "https://[fe80::1]/", "https://[fc00::1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
        "https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[::]/", "https://192.0.2.1/",
        "https://exa mple.com/", "https://example.com\\@10.0.0.1/",
    ],
)  # fmt: skip
def test_refused_by_its_look(url: str) -> None:
    with pytest.raises(Refused):
        Guard().target(url)


def test_allowed() -> None:
    found = Guard().target("https://Example.com:8443/a?b=c")
    assert (found.host, found.port, found.path) == ("example.com", 8443, "/a?b=c")
    assert Guard("10.0.0.0/8").target("http://10.1.2.3/").port == 80
    with pytest.raises(Refused):
        Guard("10.0.0.0/8").target("http://93.184.216.34/")


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("number", ["127.1", "2130706433", "0x7f000001", "017700000001"])
async def test_other_spellings_of_an_address_are_judged_as_what_they_mean(number: str) -> None:
    guard = Guard()
    with pytest.raises(Refused):
        await guard.resolve(guard.target(f"https://{number}/"))


@pytest.mark.parametrize(
    "addresses", [("10.0.0.1",), ("93.184.216.34", "127.0.0.1"), ("169.254.169.254",), ()]
)
async def test_a_name_that_leads_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    resolving(monkeypatch, *addresses)
    guard = Guard()
    with pytest.raises(Refused):
        await guard.resolve(guard.target("https://trap.example/"))


async def test_the_judged_address_is_dialled_and_the_name_is_resolved_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name whose answer changes between the check and the call gains nothing."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = resolving(monkeypatch, "127.0.0.1")
    outcome = await post(Guard("127.0.0.0/8"), f"http://changing.example:{port}/", b"{}", {})
    server.close()
    assert outcome.delivered
    assert asked == ["changing.example"]
    assert f"host: changing.example:{port}".encode() in heads[0].lower()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `receiver.example`, which nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "receiver.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(
    ("host", "trusted", "delivered"),
    [("receiver.example", True, True), ("another.example", True, False), ("receiver.example", False, False)],
)
async def test_the_certificate_must_be_that_of_the_name(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, host: str, trusted: bool, delivered: bool
) -> None:
    """Though it is an address that is dialled."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own)
    port = server.sockets[0].getsockname()[1]
    resolving(monkeypatch, "127.0.0.1")
    if trusted:
        monkeypatch.setattr(sending, "trust", lambda: ssl.create_default_context(cafile=str(certificate)))
    outcome = await post(Guard("127.0.0.0/8"), f"https://{host}:{port}/", b"{}", {})
    server.close()
    assert outcome.delivered is delivered, outcome


def test_waiting_grows_and_ends_at_six_hours() -> None:
    seconds = [retry_delay(5.0, attempt).total_seconds() for attempt in range(1, 13)]
    assert 4 <= seconds[0] <= 6
    assert 16 <= seconds[1] <= 24
    assert all(one <= 6 * 3600 * 1.2 for one in seconds)
    assert 1.2 * 86_400 < sum(seconds) < 2 * 86_400
    assert retry_delay(5.0, 1, at_least=600).total_seconds() == 600
