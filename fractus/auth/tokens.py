"""Tokens: who a token speaks for, asked of Keystone and then kept for a little while.

What is kept, and how long:

- a valid token for `ttl` seconds (10), so a revoked one is refused within 10 seconds; its own end of life is looked at
  on every request. One that is in use is asked about again before that time is over, so nobody has to wait for it;
- a refused token for 2 seconds, so that a client in a loop does not reach Keystone;
- while Keystone cannot be asked, tokens seen before go on for `ttl * 6` seconds since they were last confirmed (a
  minute in which a revocation is not seen, instead of an outage); tokens never seen are answered 503.

Tokens are kept by their SHA-256, so a dump of this process's memory holds none beyond those of running requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import msgspec

from fractus.auth.principal import Principal
from fractus.auth.shared import SharedTokens
from fractus.base.clock import Clock, parse_iso
from fractus.base.log import logger, request_id
from fractus.model.errors import Unauthorized, Unavailable

log = logger("auth.tokens")

_REFUSED = "The request you have made requires authentication."
_AWAY = "The identity service cannot be reached to check the token. Try again later."
#: No Keystone makes longer tokens (Fernet: 200-300 bytes, JWS: under 1 KiB; PKI is long gone).
_LONGEST = 4096
#: While Keystone is away, it is tried again for one and the same token only so often.
_RETRY_AFTER = 1.0
_STALE_FACTOR = 6
#: After this part of its time a token in use is asked about again, while requests go on with what is known.
_EARLY = 0.8


class TokenChecker(Protocol):
    """Says who a token speaks for."""

    async def check(self, token: str) -> Principal:
        """The caller; `Unauthorized` for a token that is unknown, revoked, expired or unscoped; `Unavailable` where
        Keystone cannot be asked.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCredential:
    """Our own user in Keystone, with the right to look at other users' tokens (role `service` or `admin`)."""

    auth_url: str
    """`http://host:port/v3`."""
    username: str
    password: str = dataclasses.field(repr=False)
    user_domain: str = "Default"
    project: str = "service"
    project_domain: str = "Default"

    def request(self) -> dict[str, Any]:
        """The body of `POST /v3/auth/tokens`."""
        user = {"name": self.username, "password": self.password, "domain": {"name": self.user_domain}}
        project = {"name": self.project, "domain": {"name": self.project_domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": project}}}


class _Known:
    """A token that Keystone confirmed."""

    __slots__ = ("confirmed", "principal", "retry_at")

    def __init__(self, principal: Principal, confirmed: float) -> None:
        self.principal = principal
        self.confirmed = confirmed
        self.retry_at = confirmed
        """While Keystone is away: when to try it again."""


class _KeystoneAway(Exception):
    """Keystone gave no usable answer."""


class KeystoneTokens:
    """Checks tokens with a Keystone, version 3.

    `admin_roles`: a token with one of them is an administrator's (upstream's `context_is_admin` is `role:admin`).
    `ssl`: what aiohttp takes (an SSLContext; False checks nothing). `timeout`: seconds that Keystone has for an answer.
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
        timeout: float = 5.0,
        shared: SharedTokens | None = None,
    ) -> None:
        self._credential = credential
        self._shared = shared
        self._url = credential.auth_url.rstrip("/") + "/auth/tokens"
        self._clock = clock
        self._ttl = ttl
        self._refused_ttl = refused_ttl
        self._size = size
        self._admin_roles = admin_roles
        self._ssl = ssl
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, asyncio.Future[Principal]] = {}
        self._ahead: set[asyncio.Task[None]] = set()
        self._own_token = ""
        self._login = asyncio.Lock()

    async def check(self, token: str) -> Principal:
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
        if not 0 < len(token) <= _LONGEST or not token.isascii() or not token.isprintable():
            raise Unauthorized(_REFUSED)
        return self._alive(await self._ask_once(key, token))

    async def close(self) -> None:
        """Let go of connections."""
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None
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

    async def _ask_once(self, key: bytes, token: str) -> Principal:
        """All requests with one token wait for the first one's question; should that one go away, the next one asks."""
        while (asking := self._asking.get(key)) is not None:
            try:
                return await asyncio.shield(asking)
            except asyncio.CancelledError:
                if not asking.cancelled() or asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            principal = await self._learn(key, token)
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
            task = asyncio.get_running_loop().create_task(self._renew(key, token))
            self._ahead.add(task)
            task.add_done_callback(self._ahead.discard)

    async def _renew(self, key: bytes, token: str) -> None:
        # What comes of it is kept, and told to whoever asks next.
        with contextlib.suppress(Unauthorized, Unavailable):
            await self._ask_once(key, token)

    async def _learn(self, key: bytes, token: str) -> Principal:
        known = self._known.get(key)
        if self._shared is not None and (found := await self._shared.get(key)) is not None:
            principal, age = found
            # As old as it is: being handed on makes nothing younger. What is soon over is no news to who knows it.
            if known is None or age < self._ttl * _EARLY:
                self._keep(self._known, key, _Known(principal, self._clock.monotonic() - age))
                return principal
        try:
            principal = await self._ask(token)
        except _KeystoneAway as away:
            return self._without_keystone(key, away)
        except Unauthorized:
            self._known.pop(key, None)
            self._keep(self._refused, key, self._clock.monotonic())
            raise
        self._refused.pop(key, None)
        self._keep(self._known, key, _Known(principal, self._clock.monotonic()))
        if self._shared is not None:
            self._shared.put(key, principal)
        return principal

    def _keep(self, where: OrderedDict[bytes, Any], key: bytes, value: Any) -> None:
        where[key] = value
        where.move_to_end(key)
        while len(where) > self._size:
            where.popitem(last=False)

    def _without_keystone(self, key: bytes, away: _KeystoneAway) -> Principal:
        known = self._known.get(key)
        now = self._clock.monotonic()
        log.warning("keystone away", reason=str(away), seen_before=known is not None)
        if known is not None and now - known.confirmed < self._ttl * _STALE_FACTOR:
            known.retry_at = min(now + _RETRY_AFTER, known.confirmed + self._ttl * _STALE_FACTOR)
            return known.principal
        raise Unavailable(_AWAY) from away

    # --- Keystone --------------------------------------------------------------------------------

    async def _ask(self, token: str) -> Principal:
        own = self._own_token or await self._log_in("")
        status, answer = await self._get(token, own)
        if status == 401:  # our own token is not good any more
            status, answer = await self._get(token, await self._log_in(own))
        if status == 404:
            raise Unauthorized(_REFUSED)
        if status != 200:
            raise _KeystoneAway(f"Keystone answered {status} to a question about a token")
        try:
            principal = principal_of(msgspec.json.decode(answer)["token"], self._admin_roles)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise _KeystoneAway("Keystone's answer about a token cannot be read") from error
        if not principal.project_id and not principal.system_scope:
            raise Unauthorized(_REFUSED)
        return principal

    async def _get(self, token: str, own: str) -> tuple[int, bytes]:
        headers = {"X-Auth-Token": own, "X-Subject-Token": token, **_traced()}
        try:
            async with self._http().get(self._url, params={"nocatalog": "1"}, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _KeystoneAway(f"{type(error).__name__}: {error}") from error

    async def _log_in(self, stale: str) -> str:
        """A token of our own, other than `stale`; one login for all who need it."""
        async with self._login:
            if self._own_token and self._own_token != stale:
                return self._own_token
            try:
                async with self._http().post(
                    self._url, params={"nocatalog": "1"}, json=self._credential.request(), headers=_traced()
                ) as answer:
                    if answer.status != 201:
                        user = self._credential.username
                        raise _KeystoneAway(
                            f"Keystone answered {answer.status} to the login of our user {user!r}"
                        )
                    self._own_token = answer.headers["X-Subject-Token"]
            except KeyError:
                raise _KeystoneAway("Keystone's answer to our login has no token") from None
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _KeystoneAway(f"{type(error).__name__}: {error}") from error
            return self._own_token

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=32, ssl=self._ssl)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self._session


def _traced() -> dict[str, str]:
    current = request_id.get()
    return {"X-Openstack-Request-Id": current} if current else {}


def principal_of(token: Mapping[str, Any], admin_roles: frozenset[str]) -> Principal:
    """The caller that a token of Keystone's version 3 describes; KeyError, TypeError or ValueError if it is none."""
    user, project = token["user"], token.get("project") or {}
    roles = frozenset(role["name"] for role in token.get("roles") or ())
    return Principal(
        user_id=user["id"],
        user_name=user["name"],
        user_domain_id=user["domain"]["id"] or "",
        user_domain_name=user["domain"].get("name") or "",
        project_id=project.get("id", ""),
        project_name=project.get("name", ""),
        project_domain_id=(project.get("domain") or {}).get("id") or "",
        project_domain_name=(project.get("domain") or {}).get("name") or "",
        roles=roles,
        is_admin=not roles.isdisjoint(admin_roles),
        system_scope="all" if (token.get("system") or {}).get("all") else "",
        expires_at=parse_iso(token["expires_at"]),
    )
