"""Checked tokens, shared by all API processes through memcached.

Who can write into memcached can forge nothing: what is kept is sealed with a key that follows from the vault's,
together with the name it is kept under, so neither a changed value nor another token's is believed. Who can read it
learns no token and no name: the name is a keyed hash.

Every value says when Keystone was asked, so a token is believed for as long as if this process had asked itself, and no
longer. A memcached that is dead or slow costs a moment now and then, and never an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import math
import os
from collections.abc import Sequence
from typing import Any

import aiomcache
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fractus.auth.principal import Principal
from fractus.base.clock import Clock
from fractus.base.log import logger

log = logger("auth.shared")

#: How long one question may take: Keystone itself answers in ten times that. Seconds.
_PATIENCE = 0.05
#: A server that did not answer is left alone for so long. Seconds.
_LEFT_ALONE = 5.0
#: Clocks of two nodes may differ by so much; a value from further in the future is not believed. Seconds.
_SKEW = 2.0
_NONCE = 12


class _Server:
    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.host, self.port = (host.strip("[]"), int(port)) if host else (address, 11211)
        self.name = address
        self.client: aiomcache.Client | None = None
        self.closed_until = 0.0


class SharedTokens:
    """See the module. `keys`: the first seals, all open; 32 bytes each. Must be closed with `close()`."""

    def __init__(self, servers: Sequence[str], keys: Sequence[bytes], clock: Clock, *, ttl: float) -> None:
        """`servers`: `host:port`, the same list everywhere. `ttl`: seconds that a checked token is believed."""
        self._servers = [_Server(address) for address in servers]
        self._names = hashlib.sha256(b"names" + keys[0]).digest()
        self._seals = [AESGCM(key) for key in keys]
        self._clock = clock
        self._ttl = ttl
        self._writing: set[asyncio.Task[None]] = set()

    async def get(self, key: bytes) -> tuple[Principal, float] | None:
        """Whom a token (by its hash) speaks for, and how many seconds ago Keystone said so; None: ask Keystone."""
        name = self._name(key)
        server = self._server(name)
        if server is None:
            return None
        sealed = await self._ask(server, lambda client: client.get(name))
        if not isinstance(sealed, bytes):
            return None
        known = self._opened(name, sealed)
        if known is None:
            return None
        age = max(0.0, self._clock.now() - known["at"])
        if not -_SKEW <= self._clock.now() - known["at"] < self._ttl:
            return None
        return _principal(known["principal"]), age

    def put(self, key: bytes, principal: Principal) -> None:
        """Keep what Keystone has just said; returns at once."""
        name = self._name(key)
        server = self._server(name)
        if server is None or self._ttl <= 0:
            return
        fields = dataclasses.asdict(principal)
        fields["roles"] = sorted(principal.roles)
        if math.isinf(principal.expires_at):
            fields["expires_at"] = None
        plain = msgspec.json.encode({"at": self._clock.now(), "principal": fields})
        nonce = os.urandom(_NONCE)
        value = nonce + self._seals[0].encrypt(nonce, plain, name)
        seconds = max(1, math.ceil(self._ttl))
        task = asyncio.get_running_loop().create_task(
            self._write(server, name, value, seconds), name="a token for the others"
        )
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Release connections."""
        for task in list(self._writing):
            task.cancel()
        if self._writing:
            await asyncio.wait(list(self._writing))
        for server in self._servers:
            await self._let_go(server)

    # ------------------------------------------------------------------ values

    def _name(self, key: bytes) -> bytes:
        return b"fractus-token-" + hmac.digest(self._names, key, "sha256").hex().encode()

    def _opened(self, name: bytes, sealed: bytes) -> dict[str, Any] | None:
        for seal in self._seals:
            with contextlib.suppress(InvalidTag, ValueError, msgspec.DecodeError):
                plain = seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], name)
                known: dict[str, Any] = msgspec.json.decode(plain, type=dict[str, Any])
                return known
        log.warning("a shared token was not sealed by us")
        return None

    # ------------------------------------------------------------------ servers

    def _server(self, name: bytes) -> _Server | None:
        """The first in this name's own order that is not left alone just now."""
        now = self._clock.monotonic()
        open_ones = [one for one in self._servers if one.closed_until <= now]
        ranked = (hashlib.blake2b(name + one.name.encode(), digest_size=8).digest() for one in open_ones)
        return min(zip(ranked, open_ones, strict=True), key=lambda pair: pair[0], default=(b"", None))[1]

    async def _write(self, server: _Server, name: bytes, value: bytes, seconds: int) -> None:
        await self._ask(server, lambda client: client.set(name, value, exptime=seconds))

    async def _ask(self, server: _Server, question: Any) -> Any:
        if server.client is None:
            server.client = aiomcache.Client(server.host, server.port, pool_size=4)
        client = server.client
        try:
            async with asyncio.timeout(_PATIENCE):
                return await question(client)
        except Exception as error:
            # A connection in the middle of an answer must not be used again.
            if server.client is client:
                server.closed_until = self._clock.monotonic() + _LEFT_ALONE
                log.warning("memcached away", server=server.name, error=f"{type(error).__name__}: {error}")
                await self._let_go(server)
            return None

    async def _let_go(self, server: _Server) -> None:
        client, server.client = server.client, None
        if client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_PATIENCE):
                    await client.close()


def _principal(fields: dict[str, Any]) -> Principal:
    expires = fields["expires_at"]
    return Principal(
        **{
            **fields,
            "roles": frozenset(fields["roles"]),
            "expires_at": float("inf") if expires is None else expires,
        }
    )
