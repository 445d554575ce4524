"""Limits as Keystone keeps them: registered limits, limits of projects and domains, and trees that share a limit.

They are read as a whole, outside of any transaction (`fractus.app.keystone_limits`), and used from memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from fractus.model.errors import Unavailable
from fractus.quota.costs import UNLIMITED
from fractus.quota.limits import Bound
from fractus.store.transaction import Reader

FLAT, STRICT_TWO_LEVEL = "flat", "strict_two_level"


class Snapshot(Struct, frozen=True, kw_only=True):
    """All limits that Keystone has, by our names of the quotas. `domain_of`: of every project, where a tree shares."""

    registered: Mapping[str, int] = {}
    projects: Mapping[str, Mapping[str, int]] = {}
    domains: Mapping[str, Mapping[str, int]] = {}
    model: str = FLAT
    domain_of: Mapping[str, str] = {}


class UnifiedLimits:
    """Keystone's limits. What it has no registered limit for has that of the settings (`given`)."""

    writable = False

    def __init__(self, given: Mapping[str, int]) -> None:
        self._given = dict(given)
        self._snapshot: Snapshot | None = None
        self._members: dict[str, tuple[str, ...]] = {}

    def take(self, snapshot: Snapshot) -> None:
        """Use these from now on."""
        members: dict[str, list[str]] = {}
        if snapshot.model == STRICT_TWO_LEVEL:
            for project, domain in sorted(snapshot.domain_of.items()):
                members.setdefault(domain, []).append(project)
        self._members = {domain: tuple(projects) for domain, projects in members.items()}
        self._snapshot = snapshot

    async def shown(self, reader: Reader, project_id: str, user_id: str = "") -> Mapping[str, int]:
        """The project's own, else the registered ones; Keystone has none of users."""
        del reader, user_id
        known = self._known()
        return {**self._given, **known.registered, **known.projects.get(project_id, {})}

    async def defaults(self, reader: Reader) -> Mapping[str, int]:
        """The registered limits."""
        del reader
        return {**self._given, **self._known().registered}

    async def of_class(self, reader: Reader, name: str) -> Mapping[str, int]:
        """Keystone has no classes: all of them have the registered limits."""
        del name
        return await self.defaults(reader)

    async def bounds(
        self, reader: Reader, project_id: str, user_id: str, names: Collection[str]
    ) -> list[Bound]:
        """The project's own limit; in the strict two-level model also what its whole domain may use together."""
        shown = await self.shown(reader, project_id)
        family = self.family(project_id)
        known = self._known()
        shared = {**known.registered, **known.domains.get(family, {})} if family else {}
        found = []
        for name in sorted(names):
            limit, together = shown.get(name, UNLIMITED), shared.get(name, UNLIMITED)
            if limit >= 0:
                found.append(Bound(name, limit, (project_id,)))
            if together >= 0:
                found.append(Bound(name, together, self._members[family]))
        return found

    def family(self, project_id: str) -> str:
        """The domain, where its projects share its limits. A project that Keystone got a moment ago has to wait."""
        known = self._known()
        if known.model != STRICT_TWO_LEVEL or not project_id:
            return ""
        domain = known.domain_of.get(project_id, "")
        if not domain:
            raise Unavailable("The limits of this project are not known yet. Try again in some seconds.")
        return domain

    def _known(self) -> Snapshot:
        if self._snapshot is None:
            raise Unavailable("Keystone has not sent the limits of projects yet. Try again in some seconds.")
        return self._snapshot
