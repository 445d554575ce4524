"""Server groups of a child's Nova: each in its project, with our marker as its name, for it has no other text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from fractus.clouds.openstack import marks
from fractus.clouds.openstack.nova import Document, NovaKind, marked
from fractus.clouds.openstack.services import Ask, reaches
from fractus.model.cloud import HOME, Scope
from fractus.model.compute import SERVER_GROUP, ServerGroupObserved, ServerGroupWanted
from fractus.model.errors import Missing, Refused

#: From here on a group has one policy with rules; before, a list of policies with one entry.
_RULES = "2.64"

#: From here on there are soft policies.
_SOFT = "2.15"

#: Groups in one page: their listing has an offset and no marker.
_PAGE = 500


class _Group(Document, kw_only=True):
    """As any release prints it."""

    policy: str = ""
    policies: list[str] = []
    rules: dict[str, int] = {}
    project_id: str = ""
    user_id: str = ""


class ServerGroups(NovaKind[ServerGroupWanted, ServerGroupObserved]):
    """The actuator of server groups."""

    vocabulary = SERVER_GROUP
    version = _RULES

    def names(self, wanted: ServerGroupWanted) -> list[str]:
        """The marker."""
        return [marks.name(wanted.id, self._child.by)]

    def body(self, wanted: ServerGroupWanted, version: str) -> dict[str, Any]:
        """As the release takes it; `Refused` where it has no such policy."""
        if reaches(version, _RULES):
            return {"policy": wanted.policy} | ({"rules": wanted.rules} if wanted.rules else {})
        more_than_one = wanted.rules.get("max_server_per_host", 1) > 1
        if more_than_one or (wanted.policy.startswith("soft-") and not reaches(version, _SOFT)):
            what = "rules of server groups" if more_than_one else f"the policy {wanted.policy}"
            raise Refused(f"{self._child.name} is too old for {what}", elsewhere=True)
        return {"policies": [wanted.policy]}

    async def observed(self, document: Any) -> ServerGroupObserved:
        """What the document says; the marker stands in the name."""
        name = document.name
        return ServerGroupObserved(
            remote_id=str(document.id),
            name=name,
            **self._child.judged(marks.from_name(name), marks.by_name(name)),
            project_id=document.project_id,
            user_id=document.user_id,
            policy=document.policy or next(iter(document.policies), ""),
            rules=document.rules,
        )

    async def observe(self, scope: Scope, remote_id: str) -> ServerGroupObserved:
        """What is there now."""
        version = await self.version_of(self.version)
        ask = Ask(service="compute", path=self.path_of(remote_id), version=version)
        return await self.observed(await self._child.item(HOME, ask, self.kind, _Group))

    async def create(self, scope: Scope, wanted: ServerGroupWanted) -> ServerGroupObserved:
        """Make it in the project that its servers are made in."""
        version = await self.version_of(self.version)
        body = {"name": self.names(wanted)[0], **self.body(wanted, version)}
        path = self.vocabulary.path
        ask = Ask(service="compute", method="POST", path=path, body={self.kind: body}, version=version)
        return marked(await self.observed(await self._child.item(scope, ask, self.kind, _Group)), wanted)

    async def find(self, scope: Scope, wanted: ServerGroupWanted) -> ServerGroupObserved | None:
        """The one of its project that we made: names are not unique, and cannot be searched for."""
        async for there in self._listed(scope, {}):
            if there.marker == wanted.id:
                return there
        return None

    async def delete(self, scope: Scope, remote_id: str) -> None:
        """Delete it, if we made it. Servers that it has stay as they are."""
        if not (await self.observe(scope, remote_id)).marker:
            raise Missing(f"{self.kind} {remote_id} of {self._child.name} is not of our making and stays")
        await self._child.send(HOME, Ask(service="compute", method="DELETE", path=self.path_of(remote_id)))

    async def list_changed(self, since: str) -> AsyncIterator[ServerGroupObserved]:
        """All of all projects."""
        async for observed in self._listed(HOME, {"all_projects": "true"}):
            yield observed

    async def _listed(self, scope: Scope, query: dict[str, str]) -> AsyncIterator[ServerGroupObserved]:
        version, seen = await self.version_of(self.version), 0
        while True:
            asked = {**query, "limit": str(_PAGE), "offset": str(seen)}
            ask = Ask(service="compute", path=self.vocabulary.path, query=asked, version=version)
            page = await self._child.item(scope, ask, self.vocabulary.collection, list[msgspec.Raw])
            for raw in page:
                try:
                    yield await self.observed(msgspec.json.decode(raw, type=_Group))
                except msgspec.DecodeError as error:
                    remote_id = self._child.unreadable(self.kind, raw, error)
                    if remote_id:
                        yield ServerGroupObserved(remote_id=remote_id, unread=str(error))
            seen += len(page)
            if len(page) < _PAGE:
                return
            await self._child.services.rest()
