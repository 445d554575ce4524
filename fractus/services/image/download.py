"""Bits from other hosts (`web-download`): those that the operator names, and never one in our own network.

1. A URL is judged before anything is opened: scheme, host, port.
2. Names are resolved here, and only addresses that are public are connected to, so no answer of a DNS server leads
   inside. That is true of each connection, so of those after a redirect, too.
3. Redirects are followed by hand, and each goes through 1 and 2 again.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct
from yarl import URL

from fractus.model.errors import ApiError, Invalid

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

#: Redirects that are followed, as Glance's library follows them.
_REDIRECTS = 10
#: Seconds until a host is connected to, and between two pieces of its answer.
_CONNECT, _SILENCE = 30.0, 60.0
_PIECE = 1 << 20
_MOVED = frozenset((301, 302, 303, 307, 308))
#: Addresses that hold one of IPv4 in their last 32 bits.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class Failed(ApiError):
    """Bits that did not come."""


class Allowed(Struct, frozen=True):
    """From where bits may be downloaded."""

    hosts: tuple[str, ...] = ()
    """Names of hosts; `*.example.org` for all below a domain, `*` for all. None: nothing is downloaded."""
    ports: tuple[int, ...] = (80, 443)
    networks: tuple[str, ...] = ()
    """Networks whose addresses may be connected to though they are not public."""


class Downloads:
    """Judges URLs and reads what is there."""

    def __init__(self, allowed: Allowed) -> None:
        """`allowed`: what the operator says; ValueError for a network that is none."""
        self._allowed = allowed
        self._networks = [ipaddress.ip_network(one) for one in allowed.networks]

    @property
    def offered(self) -> bool:
        """Whether there is a host from which anything may come."""
        return bool(self._allowed.hosts)

    def permits(self, url: object) -> bool:
        """Whether a URL may be asked, as far as it says by itself."""
        if not isinstance(url, str):
            return False
        try:
            asked = URL(url)
            host, port = asked.host, asked.port
        except ValueError:
            return False
        if asked.scheme not in ("http", "https") or not host or port not in self._allowed.ports:
            return False
        if asked.user is not None or asked.password is not None:
            return False
        literal = _literal(host)
        return self._is_named(host.lower().rstrip(".")) and (literal is None or self._is_outside(literal))

    def _is_named(self, host: str) -> bool:
        return any(
            one == "*" or host == one or (one.startswith("*.") and host.endswith(one[1:]))
            for one in (name.lower() for name in self._allowed.hosts)
        )

    def _is_outside(self, address: Address) -> bool:
        if any(address in one for one in self._networks if one.version == address.version):
            return True
        return all(one.is_global and not one.is_multicast for one in _meant(address))

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[tuple[int | None, AsyncIterator[bytes]]]:
        """How many bytes will come, where that is said, and the bytes. `Failed` where they do not, `Invalid` where a
        redirect leads to what is not allowed.
        """
        connector = aiohttp.TCPConnector(resolver=_Resolver(self), use_dns_cache=False, limit=1)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, auto_decompress=False
            ) as session:
                answer = await self._answered(session, url)
                async with answer:
                    yield answer.content_length, answer.content.iter_chunked(_PIECE)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Failed(f"{url} could not be read: {str(error) or type(error).__name__}") from error

    async def _answered(self, session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        for _ in range(_REDIRECTS + 1):
            if not self.permits(url):
                raise Invalid(f"Redirect to disallowed URL: {url}")
            answer = await session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"})
            if answer.status == 200:
                return answer
            answer.close()
            moved = answer.headers.get("Location")
            if answer.status not in _MOVED or moved is None:
                raise Failed(f"{url} answered {answer.status} {answer.reason}")
            url = str(answer.url.join(URL(moved)))
        raise Failed(f"{url} redirects too often")

    async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        """The addresses of a host that may be connected to; OSError where there is none."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family
        )
        allowed = [
            one for one in found if self._is_outside(ipaddress.ip_address(str(one[4][0]).split("%")[0]))
        ]
        if not allowed:
            raise OSError(errno.EHOSTUNREACH, f"{host} has no address that may be connected to")
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in allowed
        ]


class _Resolver(AbstractResolver):
    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return await self._downloads.resolve(host, port, family)

    async def close(self) -> None:
        """Nothing is kept."""


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: Address) -> Sequence[Address]:
    """The address itself, and those that it stands for: an IPv6 address may be another way to say one of IPv4."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _TRANSLATED:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in (None if address.ipv4_mapped else address, *inner) if one is not None]
