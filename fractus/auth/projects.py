"""Whether a project exists: asked of Keystone, with the token of whoever named the project.

A name where an id belongs would otherwise be taken for the id of a project that nobody has, and quotas or access given
to it would help nobody.
"""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
from yarl import URL

from fractus.base.log import logger, request_id

log = logger("auth.projects")


class ProjectLookup(Protocol):
    """Knows which projects there are."""

    async def exists(self, project_id: str, token: str) -> bool:
        """False where Keystone says that there is no such project, to somebody who may know. Where it does not permit
        the question to the owner of `token`, or cannot be asked, the project is taken to be there: Nova's rule.
        """
        ...


class AnyProject:
    """Takes every project to be there: where there is no Keystone to ask."""

    async def exists(self, project_id: str, token: str) -> bool:
        """Yes."""
        return True


class KeystoneProjectLookup:
    """Asks a Keystone, version 3, each time.

    `url`: `http://host:port/v3`. `ssl`: what aiohttp takes (an SSLContext; False checks nothing). `timeout`: seconds
    that Keystone has for an answer. Must be closed with `close()`.
    """

    def __init__(self, url: str, *, ssl: Any = True, timeout: float = 5.0) -> None:
        self._url = url.rstrip("/") + "/projects/"
        self._ssl = ssl
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def exists(self, project_id: str, token: str) -> bool:
        """See `ProjectLookup`."""
        if project_id in (".", ".."):  # another path; no project is called so
            return False
        url = URL(self._url + quote(project_id, safe=""), encoded=True)
        current = request_id.get()
        headers = {"X-Auth-Token": token, **({"X-Openstack-Request-Id": current} if current else {})}
        try:
            async with self._http().get(url, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("project not verified", project=project_id, why=f"{type(error).__name__}: {error}")
            return True
        if status not in (200, 404):
            log.info("project not verified", project=project_id, status=status)
        return status != 404

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=8, ssl=self._ssl)
            self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self._session
