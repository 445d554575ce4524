"""Reads Keystone's unified limits, all of them at once: a few requests now and then instead of one for each create."""

from __future__ import annotations

from typing import Any

from fractus.auth.calls import Caller, CallFailed
from fractus.auth.tokens import ServiceCredential
from fractus.base.clock import Clock
from fractus.base.log import logger
from fractus.quota.unified import STRICT_TWO_LEVEL, Snapshot, UnifiedLimits

log = logger("app.keystone_limits")

#: Nova's names of its unified limits -> those of its quota sets; all others are called alike in both worlds.
_OURS = {
    "servers": "instances",
    "class:VCPU": "cores",
    "class:MEMORY_MB": "ram",
    "server_key_pairs": "key_pairs",
    "server_metadata_items": "metadata_items",
    "server_injected_files": "injected_files",
    "server_injected_file_content_bytes": "injected_file_content_bytes",
    "server_injected_file_path_bytes": "injected_file_path_bytes",
}
_SERVICES = frozenset({"compute", "network", "image"})


class KeystoneLimits:
    """Keeps `limits` as Keystone has them. Our user needs the role `reader` on the system, as every service's does."""

    def __init__(
        self,
        credential: ServiceCredential,
        region: str,
        limits: UnifiedLimits,
        clock: Clock,
        *,
        every: float,
    ) -> None:
        """`region`: ours in the catalog; `every`: seconds between two looks."""
        self._credential = credential
        self._region = region
        self._limits = limits
        self._clock = clock
        self._every = every
        self._due = 0.0

    async def refresh_if_due(self) -> None:
        """Look again if it is time. Where Keystone does not answer, what it said last holds."""
        now = self._clock.monotonic()
        if now < self._due:
            return
        self._due = now + self._every
        try:
            await self.refresh()
        except CallFailed as error:
            log.warning("limits could not be read; the last ones hold", error=str(error))

    async def refresh(self) -> None:
        """Look now; `CallFailed` where that fails."""
        credential = self._credential
        async with Caller(credential.ca_file) as caller:
            await caller.log_in(
                credential.auth_url,
                credential.username,
                credential.password,
                "",
                user_domain=credential.user_domain,
            )
            self._limits.take(await self._read(caller, credential.auth_url))

    async def _read(self, caller: Caller, url: str) -> Snapshot:
        model = (await caller.call("GET", f"{url}/limits/model"))["model"]["name"]
        services = {
            one["id"]
            for one in (await caller.call("GET", f"{url}/services"))["services"]
            if one["type"] in _SERVICES
        }
        registered = (await caller.call("GET", f"{url}/registered_limits"))["registered_limits"]
        limits = (await caller.call("GET", f"{url}/limits"))["limits"]
        shared = model == STRICT_TWO_LEVEL
        projects = (await caller.call("GET", f"{url}/projects"))["projects"] if shared else []
        own: dict[str, dict[str, dict[str, int]]] = {"project_id": {}, "domain_id": {}}
        for one in self._ours(limits, services):
            for scope, found in own.items():
                if one.get(scope):
                    found.setdefault(one[scope], {})[_name(one)] = one["resource_limit"]
        return Snapshot(
            registered={_name(one): one["default_limit"] for one in self._ours(registered, services)},
            projects=own["project_id"],
            domains=own["domain_id"],
            model=model,
            domain_of={one["id"]: one["domain_id"] for one in projects},
        )

    def _ours(self, limits: list[dict[str, Any]], services: set[str]) -> list[dict[str, Any]]:
        """Limits of the services that we serve; those of our region after those of none, so that they win."""
        found = [
            one
            for one in limits
            if one["service_id"] in services and one.get("region_id") in (None, self._region)
        ]
        return sorted(found, key=lambda one: one.get("region_id") is not None)


def _name(limit: dict[str, Any]) -> str:
    name: str = limit["resource_name"]
    return _OURS.get(name, name)
