"""Where webhooks may be sent: the name is resolved once, its addresses are judged, and exactly those are dialled.

Without this, an endpoint's address could make us call what only we can reach (server-side request forgery).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LEAST_OWN_PORT = 1_024
_PORTS = {80, 443}
_RESOLVE_SECONDS = 5.0
# Public by number, but each of them carries an IPv4 address that may not be.
_CARRIERS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


class Refused(Exception):
    """The address may not be called; says why."""


@dataclass(frozen=True, slots=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str


class Guard:
    def __init__(self, allowed_networks: str = "") -> None:
        """`allowed_networks`: ranges of the own network that may be called, separated by commas."""
        parts = [part.strip() for part in allowed_networks.split(",") if part.strip()]
        self._allowed: Sequence[Network] = [ipaddress.ip_network(part) for part in parts]

    def target(self, url: str) -> Target:
        """Raises Refused for what is wrong by its look alone."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Refused("is no address") from error
        schemes = ("https", "http") if self._allowed else ("https",)
        if parts.scheme not in schemes:
            raise Refused("must begin with https://")
        if not parts.hostname or any(char.isspace() or ord(char) < 32 for char in url) or "\\" in url:
            raise Refused("names no host")
        if parts.username is not None or parts.password is not None:
            raise Refused("must not hold a user name or a password")
        port = port or (443 if parts.scheme == "https" else 80)
        if port not in _PORTS and port < _LEAST_OWN_PORT:
            raise Refused("must use port 443, 80 or one from 1024 on")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        found = Target(parts.scheme, parts.hostname, port, path)
        literal = _literal(found.host)
        if literal is not None:
            self._judge(found, literal)
        return found

    async def resolve(self, target: Target) -> Address:
        """An address to dial. Every address of the name must be allowed: a name with one inside is a trap."""
        literal = _literal(target.host)
        addresses = [literal] if literal is not None else await _addresses(target)
        for address in addresses:
            self._judge(target, address)
        return addresses[0]

    def _judge(self, target: Target, address: Address) -> None:
        own = any(address in network for network in self._allowed if network.version == address.version)
        if own:
            return
        if target.scheme != "https":
            raise Refused("must begin with https:// outside the own network")
        if not _public(address):
            raise Refused("leads into a private network")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _public(address.ipv4_mapped)
        if any(address in network for network in _CARRIERS):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def _addresses(target: Target) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Refused("cannot be resolved") from error
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    if not addresses:
        raise Refused("cannot be resolved")
    return list(dict.fromkeys(addresses))
