"""Tokens: one for each project of a child that we work in, got in time and by one caller at a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import requests
from keystoneauth1 import exceptions as ks_errors
from keystoneauth1 import session as ks_session
from keystoneauth1.access import AccessInfo
from keystoneauth1.identity import generic as identity
from msgspec import Struct

from fractus.base.clock import Clock
from fractus.clouds.openstack.entry import Entry
from fractus.clouds.openstack.faults import hide
from fractus.clouds.openstack.once import Once
from fractus.clouds.openstack.wire import Wire
from fractus.model.errors import CloudError, CredentialsRejected, Throttled, Unreachable

#: A token is renewed when a tenth of its life is left, or this many seconds, whichever is less.
_MARGIN_SECONDS = 300.0

#: Lifetime of a token whose answer does not say: short, so that the guess does little harm.
_UNSAID_SECONDS = 300.0


class Grant(Struct, frozen=True, kw_only=True):
    """A token and what came with it. Its `repr` does not show the token."""

    token: str
    project_id: str
    project_domain_id: str = ""
    user_id: str = ""
    user_name: str = ""
    roles: list[str] = []
    lifetime: float = _UNSAID_SECONDS
    """Seconds from issue to expiry, both by the child's clock (law 4: its stamps are not compared with ours)."""
    endpoints: dict[str, str] = {}
    """Service type -> endpoint, of the entry's region and interface."""
    services: list[str] = []
    """`id@region` of the compute and network services that these endpoints are of, as the catalog has them."""

    def __repr__(self) -> str:
        return f"Grant(project_id={self.project_id!r}, user_id={self.user_id!r}, roles={self.roles!r})"


class _Held(Struct, frozen=True):
    grant: Grant
    until: float
    """By the clock that never jumps."""


class Authenticator(Protocol):
    """Gets tokens from a child's Keystone."""

    @property
    def rescopable(self) -> bool:
        """Whether it can get tokens for other projects than the credential's own."""
        ...

    async def grant(self, project_id: str) -> Grant:
        """A new token for a project there by id; empty: for the credential's own project."""
        ...

    async def close(self) -> None:
        """Release threads."""
        ...


class KeystoneAuthenticator:
    """By keystoneauth, so that every plugin works. It blocks, so it runs in threads of this cloud alone.

    The default executor of the loop is not used: one dead Keystone could fill it, and all clouds would wait.
    """

    def __init__(self, entry: Entry, *, timeout: float = 20.0, user_agent: str = "fractus") -> None:
        self._entry = entry
        self._timeout = timeout
        self._user_agent = user_agent
        self._home: _Held | None = None
        """The latest token of the credential's own project, and until when others are got by it."""
        self._threads = concurrent.futures.ThreadPoolExecutor(
            max_workers=2, thread_name_prefix="fractus-keystone"
        )

    @property
    def rescopable(self) -> bool:
        """Whether it can get tokens for other projects than the credential's own."""
        return self._entry.rescopable

    async def grant(self, project_id: str) -> Grant:
        """A new token for a project there by id; empty: for the credential's own project."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, functools.partial(self._grant, project_id))

    def _grant(self, project_id: str) -> Grant:
        began = time.monotonic()
        try:
            with requests.Session() as plain:
                plain.trust_env = False  # settings come from the entry, not from this process's environment
                rescoped = self._rescoped(plain, project_id)
                grant = _grant_of(rescoped or self._access(plain, project_id), self._entry)
            if not project_id:
                self._home = _Held(grant, began + grant.lifetime / 2)
            elif rescoped is None:
                # The credential itself was taken: our token is not good any more, or opens no other project here.
                self._home = None
            return grant
        except CloudError:
            raise
        except Exception as error:
            failure = _translated(error, self._entry)
        # Raised out here so that it is not chained: keystoneauth's errors hold the request and its answer.
        raise failure

    def _rescoped(self, plain: requests.Session, project_id: str) -> AccessInfo | None:
        """A token for a project by the one that we have, which needs no hash of a password there; it ends with that.

        None where ours has less than half of its life left, or where this Keystone does not give it: whether it would
        for the credential itself is not known then.
        """
        home = self._home
        if not project_id or home is None or time.monotonic() > home.until or not self._entry.auth_url:
            return None
        if not self._entry.rescopable:
            return None
        plugin = identity.Token(self._entry.auth_url, token=home.grant.token, project_id=project_id)
        try:
            return plugin.get_access(self._session(plain))
        except ks_errors.ClientException:
            return None

    def _access(self, plain: requests.Session, project_id: str) -> AccessInfo:
        return self._entry.plugin(project_id).get_access(self._session(plain))

    def _session(self, plain: requests.Session) -> ks_session.Session:
        verify, cert = self._entry.requests_tls()
        return ks_session.Session(
            session=plain, verify=verify, cert=cert, timeout=self._timeout, user_agent=self._user_agent
        )

    async def close(self) -> None:
        """Release threads; one that still waits for a dead Keystone ends by its own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _grant_of(access: AccessInfo, entry: Entry) -> Grant:
    if not access.project_id:
        raise CredentialsRejected("the entry names no project, so its token opens none: give it project_name")
    lifetime = _UNSAID_SECONDS
    if access.expires and access.issued:
        lifetime = (access.expires - access.issued).total_seconds()
    endpoints = dict(_endpoints(access, entry))
    return Grant(
        token=str(access.auth_token),
        project_id=access.project_id,
        project_domain_id=access.project_domain_id or "",
        user_id=access.user_id or "",
        user_name=access.username or "",
        roles=list(access.role_names or []),
        lifetime=lifetime,
        endpoints=endpoints,
        services=sorted(_services(access, endpoints)),
    )


def _services(access: AccessInfo, endpoints: Mapping[str, str]) -> Iterator[str]:
    if not access.has_service_catalog():
        return
    for service in access.service_catalog.catalog:
        url = endpoints.get(str(service.get("type")))
        if service.get("type") not in ("compute", "network") or not service.get("id"):
            continue
        for one in service.get("endpoints") or []:
            if url and one.get("url") == url:
                yield f"{service['id']}@{one.get('region_id') or one.get('region') or ''}"


def _endpoints(access: AccessInfo, entry: Entry) -> Iterator[tuple[str, str]]:
    if not access.has_service_catalog():
        return
    catalog = access.service_catalog
    for service in catalog.get_endpoints_data():
        try:
            url = entry.endpoint_override(service) or catalog.url_for(
                service_type=service, interface=entry.interface(service), region_name=entry.region(service)
            )
        except ks_errors.CatalogException:
            continue  # it is in the catalog for other regions only
        if url:
            yield service, url


def _translated(error: Exception, entry: Entry) -> CloudError:
    """Errors of keystoneauth in our words. A token is asked for by POST, but asking twice does no harm."""
    text = hide(str(error) or type(error).__name__, entry.secrets)
    where = f"Keystone at {entry.auth_url}"
    if isinstance(error, ks_errors.Unauthorized | ks_errors.Forbidden):
        return CredentialsRejected(text)
    if isinstance(error, ks_errors.TooManyRequests | ks_errors.ServiceUnavailable):
        after = getattr(error, "retry_after", None)
        return Throttled(f"{where}: {text}", after=float(after or 1.0))
    if isinstance(
        error, ks_errors.HTTPClientError | ks_errors.AuthPluginException | ks_errors.AuthorizationFailure
    ):
        return CredentialsRejected(f"{where}: {text}")
    return Unreachable(f"{where}: {text}")


class Tokens:
    """The tokens of one cloud, by project."""

    def __init__(self, authenticator: Authenticator, wire: Wire, clock: Clock) -> None:
        self._authenticator = authenticator
        self._wire = wire
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._once: Once[str, Grant] = Once()

    @property
    def rescopable(self) -> bool:
        """Whether there can be tokens for other projects than the credential's own."""
        return self._authenticator.rescopable

    async def of(self, project_id: str = "") -> Grant:
        """A token for a project of the child, good for a while; empty: the credential's own project."""
        held = self._held.get(project_id)
        if held is not None and self._clock.monotonic() < held.until:
            return held.grant
        return await self._once.run(project_id, functools.partial(self._fetch, project_id))

    async def _fetch(self, project_id: str) -> Grant:
        asked: Callable[[], Any] = functools.partial(self._authenticator.grant, project_id)
        began = self._clock.monotonic()
        grant: Grant = await self._wire.guarded("identity", "TOKEN", asked)
        margin = min(_MARGIN_SECONDS, grant.lifetime / 10)
        self._held[project_id] = _Held(grant, began + grant.lifetime - margin)
        return grant

    def forget(self, grant: Grant) -> None:
        """This one was refused: the next caller gets another."""
        for project_id, held in list(self._held.items()):
            if held.grant.token == grant.token:
                del self._held[project_id]

    async def close(self) -> None:
        """Release threads."""
        await self._authenticator.close()
