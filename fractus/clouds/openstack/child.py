"""What every kind of thing needs to speak to its child: calls made for a scope, pages, and the credential's rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec

from fractus.base.log import logger
from fractus.clouds.openstack.projects import Projects
from fractus.clouds.openstack.services import Ask, Services
from fractus.clouds.openstack.transport import Answer
from fractus.model.cloud import Scope
from fractus.model.errors import CredentialsRejected, Missing, Refused, Unreachable

T = TypeVar("T")

log = logger("clouds.openstack")


class Child:
    """One child cloud, as the kinds see it."""

    def __init__(
        self, services: Services, projects: Projects, *, by: str = "", ours: frozenset[str] = frozenset()
    ) -> None:
        """`by`: whose our markers are; `ours`: all that are taken for ours, beside those that do not say."""
        self.services = services
        self.projects = projects
        self.by = by
        self._ours = ours

    def judged(self, marker: str, by: str) -> dict[str, Any]:
        """`marker` and `managed_by` of what was seen: a marker is ours unless it says that it is another's."""
        if not marker or not by or by in self._ours:
            return {"marker": marker, "managed_by": ""}
        return {"marker": "", "managed_by": by}

    @property
    def name(self) -> str:
        """Name of the cloud."""
        return self.services.cloud

    async def project(self, scope: Scope) -> str:
        """The child's id of the project that calls for `scope` are made in."""
        return (await self.services.tokens.of(await self.projects.id_of(scope))).project_id

    async def send(self, scope: Scope, ask: Ask) -> Answer:
        """As `Services.send`, in the project that `scope` means there."""
        project_id = await self.projects.id_of(scope)
        try:
            return await self.services.send(project_id, ask)
        except CredentialsRejected:
            if not project_id:
                raise
        # Our own project may still open: then someone has taken the mapped one, or our role in it.
        return await self.services.send(await self.projects.again(scope), ask)

    async def read(self, scope: Scope, ask: Ask, type: type[T]) -> T:
        """The JSON body as `type`."""
        return self.services.understood(ask, await self.send(scope, ask), type)

    async def item(self, scope: Scope, ask: Ask, key: str, type: type[T]) -> T:
        """What the JSON body has under `key`, as `type`."""
        answer = await self.send(scope, ask)
        return self.services.understood(ask, _inside(self.services, ask, answer, key), type)

    async def pages(
        self,
        scope: Scope,
        ask: Ask,
        key: str,
        *,
        limit: int,
        mark: Callable[[msgspec.Raw], str] | None = None,
        gently: bool = False,
    ) -> AsyncIterator[list[msgspec.Raw]]:
        """The pages of a listing, item by item undecoded: one that cannot be read must not hide the others.

        Only markers are followed; the links that services print may name hosts that only they can reach. `mark` says
        what identifies an item; None: its `id`. `gently`: with the pause between pages that the cloud's settings say.
        A `limit` of 0 is none: the listing is one page.
        """
        identify = mark or _id_of
        before: list[str] = []
        while True:
            page, before = await self._page(scope, ask, limit, before)
            items = self._items(ask, page, key)
            yield items
            seen = [marker for marker in map(identify, items) if marker]
            if not seen or seen[-1] in before or not _has_next(page, key):
                return
            before = seen
            if gently:
                await self.services.rest()

    async def _page(
        self, scope: Scope, ask: Ask, limit: int, before: list[str]
    ) -> tuple[dict[str, msgspec.Raw], list[str]]:
        """The page after the last of `before` that still exists: the last one may have been deleted meanwhile."""
        while True:
            bound = {"limit": str(limit)} if limit else {}
            query = {**ask.query, **bound} | ({"marker": before[-1]} if before else {})
            try:
                return await self.read(
                    scope, msgspec.structs.replace(ask, query=query), dict[str, msgspec.Raw]
                ), before
            except (Missing, Refused) as refusal:
                if not before or (isinstance(refusal, Refused) and refusal.status != 400):
                    raise
                before = before[:-1]
                if not before:
                    raise

    def _items(self, ask: Ask, page: dict[str, msgspec.Raw], key: str) -> list[msgspec.Raw]:
        try:
            return msgspec.json.decode(page[key], type=list[msgspec.Raw])
        except (KeyError, msgspec.DecodeError) as error:
            raise Unreachable(f"{ask.service} answered a listing without {key}") from error

    def unreadable(self, kind: str, raw: msgspec.Raw, error: Exception) -> str:
        """Log an item that is not of its shape; its id, as far as it has one."""
        remote_id = _id_of(raw)
        log.warning("unreadable item", cloud=self.name, kind=kind, remote_id=remote_id, error=str(error))
        return remote_id


def _inside(services: Services, ask: Ask, answer: Answer, key: str) -> Answer:
    document = services.understood(ask, answer, dict[str, msgspec.Raw])
    return Answer(answer.status, answer.headers, bytes(document.get(key, b"null")))


class _Identified(msgspec.Struct):
    id: str | int = ""


def _id_of(raw: msgspec.Raw) -> str:
    try:
        return str(msgspec.json.decode(raw, type=_Identified).id)
    except msgspec.DecodeError:
        return ""


def _has_next(page: dict[str, msgspec.Raw], key: str) -> bool:
    """Nova and Neutron: `<key>_links` with rel next; Glance: `next`."""
    if "next" in page:
        return bytes(page["next"]) != b"null"
    links = page.get(f"{key}_links")
    return links is not None and b'"next"' in bytes(links)
