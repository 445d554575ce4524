"""Asks a Keystone about tokens: connections, repeats, and who waits for whom.

A question that gets no usable answer is asked again until its deadline is over, so that one slow answer, a lost
connection or a restart of Keystone is a wait for the caller and not an error. Each try has a time of its own, which
begins when it has a connection: the first a short one, in case the answer is lost, each later one twice as long, in
case Keystone is slow.

Confirmations of tokens that are known have connections of their own. Questions about other tokens are limited for each
address that they come from. Addresses whose last token was good, those whose last token was refused, and new ones have
connections of their own. So a flood of tokens that nobody issued, from one address or from many, delays its own
senders.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from fractus.auth.principal import Principal
from fractus.auth.token_form import form_of
from fractus.auth.turns import Turns
from fractus.base.clock import Clock, parse_iso
from fractus.base.log import logger, request_id
from fractus.base.retry import backoff

log = logger("auth.keystone")

#: Questions under way at once: confirmations of known tokens, and of other tokens those of addresses whose last token
#: was good, and those of new addresses.
_KNOWN, _TRUSTED, _NEW = 16, 16, 16

#: Questions of addresses whose last token was refused: in all, and of one of them. Few, so that those who log in do not
#: wait for them inside Keystone.
_DOUBTED, _DOUBTED_EACH = 8, 4

#: How long an address is trusted after a good token, and doubted after a refusal (seconds); how many are remembered.
_TRUST, _DOUBT, _REMEMBERED = 3600.0, 60.0, 10_000

#: Statuses that say that Keystone, or what is in front of it, is in trouble that may pass.
_PASSING = frozenset({429, 500, 502, 503, 504})

#: What a repeat waits for. Seconds: the first, and the most.
_BACKOFF, _BACKOFF_MOST = 0.25, 4.0

#: A login computes a hash of the password, so it may take so many times as long as another question.
_LOGIN_FACTOR = 3.0


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
    ca_file: str = ""
    """The authority (PEM) of its certificate, where operating systems do not know it."""

    def request(self) -> dict[str, Any]:
        """The body of `POST /v3/auth/tokens`."""
        user = {"name": self.username, "password": self.password, "domain": {"name": self.user_domain}}
        project = {"name": self.project, "domain": {"name": self.project_domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": project}}}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long Keystone has. Seconds."""

    deadline: float = 30.0
    """For a question in all: waiting for a connection, and all tries."""
    first: float = 5.0
    """For the first try."""
    per_address: int = 8
    """Questions about unknown tokens that one address may have under way at once."""


class KeystoneAway(Exception):
    """Keystone gave no usable answer."""


class _Passing(KeystoneAway):
    """And may give one if it is asked again, after `after` seconds where it said so."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Keystone:
    """One Keystone, version 3, asked as our own user. Must be closed with `close()`.

    `admin_roles`: a token with one of them is an administrator's (upstream's `context_is_admin` is `role:admin`).
    `ssl`: what aiohttp takes (an SSLContext; False checks nothing).
    """

    def __init__(
        self,
        credential: ServiceCredential,
        clock: Clock,
        *,
        patience: Patience,
        admin_roles: frozenset[str],
        ssl: Any = True,
    ) -> None:
        """Nothing is connected to yet."""
        self._credential = credential
        self._url = credential.auth_url.rstrip("/") + "/auth/tokens"
        self._clock = clock
        self._patience = patience
        self._admin_roles = admin_roles
        self._ssl = ssl
        self._session: aiohttp.ClientSession | None = None
        self._confirming = Turns(_KNOWN, _KNOWN)
        self._trusted = Turns(_TRUSTED, patience.per_address)
        self._new = Turns(_NEW, patience.per_address)
        self._doubted = Turns(_DOUBTED, min(_DOUBTED_EACH, patience.per_address))
        self._last: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        """Whether the last token of an address was good, and when that was."""
        self._own_token = ""
        self._has_form = False
        self._logging_in: asyncio.Task[str] | None = None

    async def close(self) -> None:
        """Release connections."""
        if self._logging_in is not None:
            self._logging_in.cancel()
            await asyncio.wait([self._logging_in])
        if self._session is not None:
            await self._session.close()
            self._session = None

    def may_have_issued(self, token: str) -> bool:
        """False for what this Keystone cannot have issued, by its outside.

        What it issues is seen in our own token. Where that is of no form that we know (a token provider of the
        operator's own), or while we have none, nothing is refused.
        """
        return not self._has_form or form_of(token) is not None

    async def confirm(self, token: str) -> Principal | None:
        """Whom a token that is known speaks for; None where it is not valid any more. Asked once; `KeystoneAway`."""
        until = self._clock.monotonic() + self._patience.deadline
        return await self._ask(token, self._confirming, "", until, self._patience.first)

    async def learn(self, token: str, peer: str) -> Principal | None:
        """Whom a token speaks for; None where it is not valid. Asked again until the deadline; `KeystoneAway`.

        `peer`: the address that it came from.
        """
        until = self._clock.monotonic() + self._patience.deadline
        for attempt in itertools.count(1):
            try:
                within = self._patience.first * 2 ** (attempt - 1)
                found = await self._ask(token, self._turns(peer), peer, until, within)
                self._remember(peer, good=found is not None)
                return found
            except _Passing as failure:
                wait = max(failure.after, backoff(attempt, base=_BACKOFF, cap=_BACKOFF_MOST))
                if self._clock.monotonic() + wait >= until:
                    raise
                log.info("keystone is asked again", attempt=attempt, reason=str(failure))
            await self._clock.sleep(wait)
        raise AssertionError("there is always another attempt")

    def _turns(self, peer: str) -> Turns:
        good, when = self._last.get(peer, (False, -math.inf))
        if self._clock.monotonic() - when >= (_TRUST if good else _DOUBT):
            return self._new
        return self._trusted if good else self._doubted

    def _remember(self, peer: str, *, good: bool) -> None:
        self._last[peer] = (good, self._clock.monotonic())
        self._last.move_to_end(peer)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def _ask(
        self, token: str, turns: Turns, peer: str, until: float, within: float
    ) -> Principal | None:
        own = self._own_token or await self._log_in("", until)
        status, answer = await self._get(token, own, turns, peer, until, within)
        if status == 401:  # our own token is not good any more
            own = await self._log_in(own, until)
            status, answer = await self._get(token, own, turns, peer, until, within)
        if status == 404:
            return None
        if status != 200:
            raise KeystoneAway(f"Keystone answered {status} to a question about a token")
        try:
            return principal_of(msgspec.json.decode(answer)["token"], self._admin_roles)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise _Passing("Keystone's answer about a token cannot be read") from error

    async def _get(
        self, token: str, own: str, turns: Turns, peer: str, until: float, within: float
    ) -> tuple[int, bytes]:
        headers = {"X-Auth-Token": own, "X-Subject-Token": token, **_traced()}
        try:
            async with asyncio.timeout(self._left(until)):
                await turns.take(peer)
        except TimeoutError:
            raise KeystoneAway("too many questions about tokens are before this one") from None
        try:
            timeout = aiohttp.ClientTimeout(total=min(within, self._left(until)))
            async with self._http().get(
                self._url, params={"nocatalog": "1"}, headers=headers, timeout=timeout
            ) as answer:
                if answer.status in _PASSING:
                    raise _passing(answer, "a question about a token")
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Passing(f"{type(error).__name__}: {error}") from error
        finally:
            turns.give_back(peer)

    def _left(self, until: float) -> float:
        return max(0.0, until - self._clock.monotonic())

    # --- our own token ---------------------------------------------------------------------------

    async def _log_in(self, stale: str, until: float) -> str:
        """A token of our own, other than `stale`; one login for all who need it."""
        if self._own_token and self._own_token != stale:
            return self._own_token
        if self._logging_in is None or self._logging_in.done():
            self._logging_in = asyncio.get_running_loop().create_task(self._login(), name="login at Keystone")
            self._logging_in.add_done_callback(_retrieve_error)
        try:
            async with asyncio.timeout(self._left(until)):
                return await asyncio.shield(self._logging_in)
        except TimeoutError:
            raise KeystoneAway("Keystone does not answer to our login") from None

    async def _login(self) -> str:
        user = self._credential.username
        timeout = aiohttp.ClientTimeout(total=self._patience.first * _LOGIN_FACTOR)
        try:
            async with self._http().post(
                self._url,
                params={"nocatalog": "1"},
                json=self._credential.request(),
                headers=_traced(),
                timeout=timeout,
            ) as answer:
                if answer.status in _PASSING:
                    raise _passing(answer, f"the login of our user {user!r}")
                if answer.status != 201:
                    raise KeystoneAway(f"Keystone answered {answer.status} to the login of our user {user!r}")
                self._own_token = answer.headers["X-Subject-Token"]
        except KeyError:
            raise KeystoneAway("Keystone's answer to our login has no token") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _Passing(f"{type(error).__name__}: {error}") from error
        self._has_form = form_of(self._own_token) is not None
        return self._own_token

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Turns are the limit: a wait for a connection is none of Keystone's time.
            connector = aiohttp.TCPConnector(limit=0, ssl=self._ssl)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session


def _retrieve_error(task: asyncio.Task[str]) -> None:
    """What went wrong was raised to those who waited; nobody may be waiting any more."""
    if not task.cancelled():
        task.exception()


def _passing(answer: aiohttp.ClientResponse, to: str) -> _Passing:
    after = answer.headers.get("Retry-After", "")
    return _Passing(f"Keystone answered {answer.status} to {to}", float(after) if after.isdecimal() else 0.0)


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
