"""Tokens: who a token speaks for, asked of Keystone and then kept for a little while.

What is kept, and how long:

- a valid token for `ttl` seconds (10), so a revoked one is refused within 10 seconds; its own end of life is looked at
  on every request. One that is in use is asked about again before that time is over, so nobody has to wait for it;
- a refused token for 2 seconds, so that a client in a loop does not reach Keystone;
- while Keystone cannot be asked, tokens seen before go on for `ttl * 6` seconds since they were last confirmed (a
  minute in which a revocation is not seen, instead of an outage). While it is slow, their requests wait no more than a
  second for it;
- a token never seen waits until Keystone has answered, for `Patience.deadline` seconds (30) at most; then it is a 503.

What Keystone cannot have issued is refused without asking it. Tokens are kept by their SHA-256, so a dump
of this process's memory holds none beyond those of running requests.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import ipaddress
from collections import OrderedDict
from typing import Any, Protocol

from fractus.auth.keystone import Keystone, KeystoneAway, Patience, ServiceCredential, principal_of
from fractus.auth.principal import Principal
from fractus.auth.shared import SharedTokens
from fractus.base.clock import Clock
from fractus.base.log import logger
from fractus.model.errors import ApiError, Unauthorized, Unavailable

__all__ = ["KeystoneTokens", "Patience", "ServiceCredential", "TokenChecker", "principal_of"]

log = logger("auth.tokens")

_REFUSED = "The request you have made requires authentication."
_AWAY = "The identity service cannot be reached to check the token. Try again later."
#: No Keystone makes longer tokens (Fernet: 200-300 bytes, JWS: under 1 KiB; PKI is long gone).
_LONGEST = 4096
#: While Keystone is away, it is tried again for one and the same token only so often.
_RETRY_AFTER = 1.0
#: A request with a token seen before waits so many seconds for its confirmation; then it goes on, as does the question.
_CONFIRM_WITHIN = 1.0
_STALE_FACTOR = 6
#: After this part of its time a token in use is asked about again, while requests go on with what is known.
_EARLY = 0.8
_PATIENT = Patience()


class TokenChecker(Protocol):
    """Says who a token speaks for."""

    async def check(self, token: str, peer: str = "") -> Principal:
        """The caller; `Unauthorized` for a token that is unknown, revoked, expired or unscoped; `Unavailable` where
        Keystone cannot be asked. `peer`: the address that the request came from.
        """
        ...


class _Known:
    """A token that Keystone confirmed."""

    __slots__ = ("confirmed", "principal", "retry_at")

    def __init__(self, principal: Principal, confirmed: float) -> None:
        self.principal = principal
        self.confirmed = confirmed
        self.retry_at = confirmed
        """While Keystone is away: when to try it again."""


class KeystoneTokens:
    """Checks tokens with a Keystone, version 3.

    `admin_roles`: a token with one of them is an administrator's (upstream's `context_is_admin` is `role:admin`).
    `ssl`: what aiohttp takes (an SSLContext; False checks nothing). `patience`: how long Keystone has for an answer.
    `shared`: what other processes have learnt; closed with this.
    Must be closed with `close()`.
    """

    def __init__(
        self,
        credential: ServiceCredential,
        clock: Clock,
        *,
        ttl: float = 10.0,
        refused_ttl: float = 2.0,
        size: int = 20_000,
        admin_roles: frozenset[str] = frozenset({"admin"}),
        ssl: Any = True,
        patience: Patience = _PATIENT,
        shared: SharedTokens | None = None,
    ) -> None:
        self._keystone = Keystone(credential, clock, patience=patience, admin_roles=admin_roles, ssl=ssl)
        self._patience = patience
        self._shared = shared
        self._clock = clock
        self._ttl = ttl
        self._stale_ttl = ttl * _STALE_FACTOR
        self._refused_ttl = refused_ttl
        self._size = size
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, asyncio.Future[Principal]] = {}
        self._ahead: set[asyncio.Task[Principal | ApiError]] = set()

    async def check(self, token: str, peer: str = "") -> Principal:
        """The caller; see `TokenChecker`."""
        key = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        now = self._clock.monotonic()
        known = self._known.get(key)
        if known is not None and (now - known.confirmed < self._ttl or now < known.retry_at):
            self._known.move_to_end(key)
            if now - known.confirmed >= self._ttl * _EARLY and now >= known.retry_at:
                self._ask_ahead(key, token)
            return self._alive(known.principal)
        refused = self._refused.get(key)
        if refused is not None and now - refused < self._refused_ttl:
            raise Unauthorized(_REFUSED)
        if known is not None and now - known.confirmed < self._stale_ttl:
            return self._alive(await self._confirmed(key, token, known))
        if not 0 < len(token) <= _LONGEST or not token.isascii() or not token.isprintable():
            raise Unauthorized(_REFUSED)
        if not self._keystone.may_have_issued(token):
            raise Unauthorized(_REFUSED)
        return self._alive(await self._ask_once(key, token, peer))

    async def close(self) -> None:
        """Release connections."""
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        await self._keystone.close()
        if self._shared is not None:
            await self._shared.close()

    def forget(self) -> None:
        """Ask Keystone about every token again."""
        self._known.clear()
        self._refused.clear()

    def _alive(self, principal: Principal) -> Principal:
        if self._clock.now() >= principal.expires_at:
            raise Unauthorized(_REFUSED)
        return principal

    # --- asking, once for all who wait -----------------------------------------------------------

    async def _ask_once(self, key: bytes, token: str, peer: str) -> Principal:
        """All requests with one token wait for the first one's question; should that one go away, the next one asks."""
        while (asking := self._asking.get(key)) is not None:
            try:
                return await asyncio.shield(asking)
            except asyncio.CancelledError:
                if not asking.cancelled() or asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            principal = await self._learn(key, token, peer)
        except (Unauthorized, Unavailable) as error:
            asking.set_exception(error)
            asking.exception()  # seen here; nobody else may be waiting
            raise
        else:
            asking.set_result(principal)
        finally:
            del self._asking[key]
            asking.cancel()  # does nothing where there is a result
        return principal

    def _ask_ahead(self, key: bytes, token: str) -> None:
        if key not in self._asking:
            _ = self._renewal(key, token)

    def _renewal(self, key: bytes, token: str) -> asyncio.Task[Principal | ApiError]:
        task = asyncio.get_running_loop().create_task(self._renew(key, token))
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)
        return task

    async def _renew(self, key: bytes, token: str) -> Principal | ApiError:
        # What comes of it is kept, and returned to whoever asks next.
        try:
            return await self._ask_once(key, token, "")
        except (Unauthorized, Unavailable) as error:
            return error

    async def _confirmed(self, key: bytes, token: str, known: _Known) -> Principal:
        """Whom a token seen before speaks for now, or for as much as is known where Keystone takes its time."""
        task = self._renewal(key, token)
        done, _ = await asyncio.wait([task], timeout=_CONFIRM_WITHIN)
        if not done:
            self._go_on(known, self._patience.first)
            return known.principal
        found = task.result()
        if isinstance(found, ApiError):
            raise found
        return found

    def _go_on(self, known: _Known, seconds: float) -> None:
        """Believe what is known for some seconds more, as long as it may be believed at all."""
        known.retry_at = min(self._clock.monotonic() + seconds, known.confirmed + self._stale_ttl)

    async def _learn(self, key: bytes, token: str, peer: str) -> Principal:
        known = self._known.get(key)
        if self._shared is not None and (found := await self._shared.get(key)) is not None:
            principal, age = found
            # As old as it is: being handed on makes nothing younger. What is soon over is no news to who knows it.
            if known is None or age < self._ttl * _EARLY:
                self._keep(self._known, key, _Known(principal, self._clock.monotonic() - age))
                return principal
        try:
            verified = await self._verified(token, known, peer)
        except KeystoneAway as away:
            return self._without_keystone(key, away)
        # A token that is for no project and not for the whole system is for nothing that is served.
        if verified is None or not (verified.project_id or verified.system_scope):
            self._known.pop(key, None)
            self._keep(self._refused, key, self._clock.monotonic())
            raise Unauthorized(_REFUSED)
        self._refused.pop(key, None)
        self._keep(self._known, key, _Known(verified, self._clock.monotonic()))
        if self._shared is not None:
            self._shared.put(key, verified)
        return verified

    async def _verified(self, token: str, known: _Known | None, peer: str) -> Principal | None:
        if known is not None and self._clock.monotonic() - known.confirmed < self._stale_ttl:
            return await self._keystone.confirm(token)
        return await self._keystone.learn(token, _network(peer))

    def _keep(self, where: OrderedDict[bytes, Any], key: bytes, value: Any) -> None:
        where[key] = value
        where.move_to_end(key)
        while len(where) > self._size:
            where.popitem(last=False)

    def _without_keystone(self, key: bytes, away: KeystoneAway) -> Principal:
        known = self._known.get(key)
        now = self._clock.monotonic()
        log.warning("keystone away", reason=str(away), known_before=known is not None)
        if known is not None and now - known.confirmed < self._stale_ttl:
            self._go_on(known, _RETRY_AFTER)
            return known.principal
        raise Unavailable(_AWAY) from away


@functools.lru_cache(maxsize=4096)
def _network(peer: str) -> str:
    """Whose an address is: of IPv6 its /64, of which every host has as many addresses as it likes."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
