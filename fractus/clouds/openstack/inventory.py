"""What only an adoption asks of a child: what its listings leave out, and what is there of kinds we do not serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import msgspec

from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.flavors import Flavors
from fractus.clouds.openstack.images import Images
from fractus.clouds.openstack.keypairs import Keypairs
from fractus.clouds.openstack.services import Ask, segment
from fractus.model.cloud import HOME, Observed, Sighting
from fractus.model.errors import CredentialsRejected, Missing, Refused
from fractus.model.mirror import Mirrored

_PAGE = 500

#: How many of them are named.
_NAMED = 5

#: What people ask about when it is left alone: kind, service, path, and the key that the listing stands under. What a
#: child has not got it refuses.
_REPORTED = (
    ("backup", "volume", "/backups", "backups"),
    ("subnetpool", "network", "/subnetpools", "subnetpools"),
    ("load_balancer", "load-balancer", "/v2/lbaas/loadbalancers", "loadbalancers"),
)


class Inventory:
    """The kinds of which a listing does not tell all."""

    def __init__(self, child: Child) -> None:
        self.flavors = Flavors(child)
        self.images = Images(child)
        self.keypairs = Keypairs(child)

    async def all_flavors(self) -> AsyncIterator[Observed]:
        """With the projects that may use the private ones."""
        async for observed in self.flavors.list_changed(""):
            if observed.is_public or observed.unread or not observed.name:
                yield observed
            else:
                yield msgspec.structs.replace(observed, access=await self.flavors.access(observed.remote_id))

    async def all_images(self) -> AsyncIterator[Observed]:
        """With the projects that they are shared with. Nobody else can be shared with but the owner's choice, and most
        images are `shared` with nobody: asked one by one, for Glance lists members in no other way.
        """
        async for observed in self.images.list_changed(""):
            if observed.visibility == "shared" and not observed.unread:
                yield msgspec.structs.replace(observed, members=await self.images.members(observed.remote_id))
            else:
                yield observed

    async def keys_of(self, users: Collection[str]) -> AsyncIterator[Observed]:
        """Our own user's, and those of `users`."""
        async for observed in self.keypairs.list_changed(""):
            yield observed
        for user_id in sorted(users):
            async for observed in self.keypairs.of_user(user_id):
                yield observed


async def mirrored(child: Child, what: Mirrored) -> AsyncIterator[Mapping[str, Any]]:
    """A collection as the child shows it. One that cannot be read is left to the log."""
    if what.extension and what.extension not in await child.services.extensions():
        return
    version = what.version
    if what.latest and not version:
        version = await child.services.version(what.latest, what.service)
    project = segment(await child.project(HOME)) if "{project}" in what.path else ""
    path = what.path.format(project=project)
    ask = Ask(service=what.service, path=path, query=what.query, version=version)
    limit = _PAGE if what.paged else 0
    async for page in child.pages(HOME, ask, what.collection, limit=limit, gently=True):
        for raw in page:
            try:
                if what.texts:
                    yield {what.texts: msgspec.json.decode(raw, type=str)}
                else:
                    yield msgspec.json.decode(raw, type=dict[str, Any])
            except msgspec.DecodeError as error:
                child.unreadable(what.kind, raw, error)


async def sightings(child: Child, besides: Collection[str]) -> list[Sighting]:
    """Backups, load balancers and the like: how many, and the names of some."""
    found = []
    for kind, service, path, key in _REPORTED:
        if kind in besides:
            continue
        names = await _names(child, service, path, key)
        if names:
            found.append(Sighting(service, key, len(names), [name for name in names if name][:_NAMED]))
    return found


async def _names(child: Child, service: str, path: str, key: str) -> list[str]:
    names: list[str] = []
    home, query = await child.projects.home(), {}
    if service == "volume":
        # Before 3.67 it insists on the project in the path.
        path, query = f"/{home.project_id}{path}", {"all_tenants": "1"}
    try:
        async for page in child.pages(HOME, Ask(service=service, path=path, query=query), key, limit=_PAGE):
            names += [_name(raw) for raw in page]
    except (Refused, Missing, CredentialsRejected):
        return names  # no such service or extension there, or not for us to see
    return names


def _name(raw: msgspec.Raw) -> str:
    try:
        document: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return ""
    return str(document.get("name") or document.get("floating_ip_address") or document.get("id") or "")
