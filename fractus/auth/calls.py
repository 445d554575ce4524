"""A few plain HTTP calls to services of our own: is it there, log in, make what is missing.

Not for child clouds, which have limits, breakers and clients of their own (`fractus.clouds`).
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from typing import Any, Self

import aiohttp

#: Seconds. The services are on this machine; only a first call, which loads policies, takes more than one.
_TIMEOUT = aiohttp.ClientTimeout(total=30.0)
_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_MESSAGE_MOST = 300


class CallFailed(Exception):
    """A service refused or did not answer; the message is one sentence. `status` is 0 where it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@functools.lru_cache(maxsize=16)
def _trusting(ca_file: str) -> ssl.SSLContext:
    """Reading all authorities takes tens of milliseconds, so it is done once."""
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


class Caller:
    """Calls in the name of one user. An `async with` block holds the connections."""

    def __init__(self, ca_file: str = "") -> None:
        """`ca_file`: the authority (PEM) to trust, beside those of the operating system."""
        self.ca_file = ca_file
        self._trusted: ssl.SSLContext | bool = _trusting(ca_file) if ca_file else True
        self._session: aiohttp.ClientSession | None = None
        self.token = ""

    async def __aenter__(self) -> Self:
        # trust_env stays off: what is on this machine is never behind a proxy.
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(self, method: str, url: str, json: Any = None, data: bytes | None = None) -> Any:
        """One call; the answer's JSON, or None where it has none. `CallFailed` for anything but success."""
        body, _ = await self._send(method, url, json, data)
        return body

    async def log_in(
        self,
        keystone_url: str,
        username: str,
        password: str,
        project: str,
        *,
        user_domain: str = "Default",
        project_domain: str = "Default",
    ) -> None:
        """Get a token of `project`, or where that is empty of the system, for the calls that follow. Domains by name.
        `CallFailed` 401: refused.
        """
        user = {"name": username, "domain": {"name": user_domain}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope: dict[str, Any] = {"project": {"name": project, "domain": {"name": project_domain}}}
        if not project:
            scope = {"system": {"all": True}}
        self.token = ""
        _, headers = await self._send(
            "POST", f"{keystone_url}/auth/tokens", {"auth": {"identity": identity, "scope": scope}}, None
        )
        self.token = headers["X-Subject-Token"]

    async def _send(
        self, method: str, url: str, json: Any, data: bytes | None
    ) -> tuple[Any, Mapping[str, str]]:
        assert self._session is not None, "a Caller is used inside its async with block"
        headers = {"X-Auth-Token": self.token} if self.token else {}
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        try:
            async with self._session.request(
                method, url, json=json, data=data, headers=headers, ssl=self._trusted
            ) as answer:
                if answer.status >= 300:
                    text = " ".join((await answer.text()).split())[:_MESSAGE_MOST]
                    raise CallFailed(f"{method} {url} was answered {answer.status}: {text}", answer.status)
                body = await answer.json() if answer.content_type == "application/json" else None
                return body, answer.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CallFailed(
                f"{method} {url} got no answer ({str(error) or type(error).__name__})."
            ) from error


async def answers(url: str) -> bool:
    """Whether something at `url` answers 200 now."""
    try:
        # Nothing secret is sent to it, so it need not show who it is: its certificate may name another address.
        async with (
            aiohttp.ClientSession(timeout=_PROBE_TIMEOUT) as session,
            session.get(url, ssl=False) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        # An OSError of its own: no descriptor was left for the connection.
        return False
