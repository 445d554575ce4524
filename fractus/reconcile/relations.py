"""Which kinds have to know when a resource of another kind comes to a cloud, leaves one, or changes.

Two kinds of relation are declared: what FOLLOWS others is wherever those are (`Traits.follows`), and what reads facts
of others (`ReadsFacts`) is looked at when those change. For a kind that nobody follows or reads, nothing is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fractus.model.placement import Placement
from fractus.model.resource import Presence, Resource
from fractus.reconcile.kind import Lifecycle, Moves, Pinned, ReadsFacts
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.transaction import Reader

Key = tuple[str, str, str]
"""Kind, id and cloud of an item of work; no cloud: the resource as a whole."""


class Relations:
    """Built once from the lifecycles."""

    def __init__(self, resources: Resources, lifecycles: Mapping[str, Lifecycle]) -> None:
        """Turn what each kind declares around: from the kind that is looked at to those that look."""
        self._resources = resources
        self._followers: dict[str, set[str]] = defaultdict(set)
        self._readers: dict[str, list[tuple[str, ReadsFacts]]] = defaultdict(list)
        self.readers: dict[str, ReadsFacts] = {}
        """Kinds that read facts."""
        self.followers: dict[str, frozenset[str]] = {}
        """Kinds that follow others -> those others."""
        self.moving = {kind: life for kind, life in lifecycles.items() if isinstance(life, Moves)}
        """Kinds whose resources may be asked to change their cloud."""
        self.pinned = {kind: life for kind, life in lifecycles.items() if isinstance(life, Pinned)}
        """Kinds of which some are in a cloud for their own sake."""
        for kind, life in lifecycles.items():
            if life.traits.placement is Placement.FOLLOWS:
                self.followers[kind] = life.traits.follows
                for followed in life.traits.follows:
                    self._followers[followed].add(kind)
            if isinstance(life, ReadsFacts):
                self.readers[kind] = life
                for source in life.facts_from:
                    self._readers[source].append((kind, life))

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        """What a step of this presence must know of other rows."""
        life = self.readers.get(resource.kind)
        return {} if life is None else await life.facts(reader, resource, presence)

    async def moved(self, reader: Reader, kind: str, id: str) -> list[Key]:
        """What has to be looked at now that (kind, id) came to a cloud, or is to leave one."""
        keys = await self.changed(reader, kind, id)
        followers = self._followers.get(kind)
        if followers:
            users = await self._resources.needed_by(reader, kind, id)
            keys += [(by, user, "") for by, user in users if by in followers]
        return keys

    async def changed(self, reader: Reader, kind: str, id: str) -> list[Key]:
        """What has to be looked at now that (kind, id) changed, or its cloud says something else of it."""
        keys: list[Key] = []
        for by, life in self._readers.get(kind, ()):
            for user in await life.concerns(reader, kind, id):
                there = await presences.of_resource(reader, by, user)
                keys += [(by, user, one.cloud) for one in there if one.wanted]
        return keys
