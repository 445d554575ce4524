"""Toy kinds: what the machine must know of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.model.cloud import Step
from fractus.model.placement import LOCAL, assigned, carried, follows
from fractus.model.resource import Need, Presence, Resource, Summary, at_home
from fractus.reconcile.kind import (
    Apply,
    Demand,
    Difference,
    Done,
    Fail,
    Item,
    Plan,
    Sweeping,
    Wait,
    adopt_fields,
    with_desired,
)
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.schema import resource_table
from fractus.store.transaction import Reader, Transaction
from tests.unit.own_tables import OWN
from tests.unit.reconcile.toy_cloud import BoxObserved, BoxWanted

TABLES = {
    kind: resource_table(f"toy_{kind}", metadata=OWN)
    for kind in ("box", "net", "plug", "vol", "tie", "hub", "memo", "note")
}

TRAITS = {
    "box": assigned(),
    "net": carried(),
    "plug": carried(),
    "vol": assigned(),
    "tie": follows("box", "vol"),
    "hub": follows("net"),
    "memo": LOCAL,
}


class ToyLife:
    """What the machine must know of a toy kind."""

    observed_type = BoxObserved

    def __init__(self, kind: str) -> None:
        self.name = kind
        self.traits = TRAITS[kind]
        self.sweeping = Sweeping(changes=0.0 if self.traits.trust_sweeps else 5.0)
        self.ended: list[str] = []
        self.left_clouds: list[tuple[str, str]] = []

    def demand(self, resource: Resource) -> Demand:
        return Demand(cloud=resource.desired.get("zone", ""), kinds=frozenset({self.name}))

    async def prepare(self, tx: Transaction, resource: Resource, cloud: str) -> dict[str, Any]:
        return {"kicked": 0, "prepared_for": cloud}

    def wanted(self, item: Item) -> BoxWanted:
        parts = {key: item.remote[tuple(key.split("/"))] for key in item.resource.desired["parts"]}  # type: ignore[index]
        return BoxWanted(
            id=item.resource.id, name=item.resource.name, size=item.resource.desired["size"], parts=parts
        )

    def plan(self, item: Item, seen: BoxObserved) -> Plan:
        memory, desired = item.presence.memory, item.resource.desired
        if seen.gone:
            return Fail(f"it is gone from {item.presence.cloud}")
        if seen.status == "building":
            return Wait(2.0, "it is being built")
        if seen.status == "broken":
            return Fail("no room left there", elsewhere=True)
        if seen.size != desired["size"]:
            return Apply(Step("resize", {"size": desired["size"]}))
        if item.remote and self.traits.assigned and seen.parts != self.wanted(item).parts:
            return Apply(Step("plug", {"parts": self.wanted(item).parts}))
        kick = desired.get("kick", 0)
        if memory["kicked"] < kick:
            if memory.get("doing") == f"kick:{kick}":
                return Done({"kicked": kick, "unsure": True})
            return Apply(Step("kick"), {"kicked": kick}, once=f"kick:{kick}")
        return Done()

    def differences(self, item: Item, seen: BoxObserved) -> list[Difference]:
        """A box is always made as it is wanted; what is carried keeps what others made of it, and tells."""
        size = item.resource.desired["size"]
        return [] if self.traits.assigned or seen.size == size else [Difference("size", size, seen.size)]

    def as_desired(self, item: Item, seen: BoxObserved, fields: Collection[str]) -> BoxObserved:
        return with_desired(self.wanted(item), seen, fields)  # type: ignore[no-any-return]

    def adopt(self, resource: Resource, found: Mapping[str, Any], now: float) -> list[Need] | None:
        adopt_fields(resource, found)
        return None

    def settled(self, presence: Presence, seen: BoxObserved) -> bool:
        return seen.status == "ready"

    async def document_changed(self, tx: Transaction, resource: Resource) -> None:
        return None

    def summarise(self, resource: Resource, presences: list[Presence]) -> Summary:
        here = [one for one in [at_home(resource.home, presences)] if one is not None and one.wanted]
        status = "gone" if resource.deleted_at else "waiting"
        if here:
            status = "error" if here[0].error else here[0].state
        elif resource.choice.get("error"):
            status = "error"
        document = {
            "id": resource.id,
            "status": status,
            "cloud": here[0].cloud if here else None,
            "why": here[0].error if here else resource.choice.get("error", ""),
        }
        return Summary(status, document)

    async def left(self, tx: Transaction, resource: Resource, presence: Presence) -> None:
        self.left_clouds.append((resource.id, presence.cloud))

    async def gone(self, tx: Transaction, resource: Resource) -> None:
        self.ended.append(resource.id)


class HubLife(ToyLife):
    """A hub is wherever one of its nets is. It joins those that are there, and has the size of all together, wherever
    they are: two things that only other rows say.
    """

    facts_from = frozenset({"net"})
    resources = Resources({"hub": TABLES["hub"], "net": TABLES["net"]})

    async def facts(self, reader: Reader, resource: Resource, presence: Presence) -> Mapping[str, Any]:
        size, here = 0, []
        for need in await self.resources.needs(reader, "hub", resource.id):
            net = await self.resources.fetch(reader, "net", need.id)
            there = await presences.fetch(reader, "net", need.id, presence.cloud)
            if net is not None and net.wanted:
                size += net.desired["size"]
            if there is not None and there.wanted and there.remote_id is not None:
                here.append(need.id)
        return {"size": size, "here": sorted(here)}

    async def concerns(self, reader: Reader, kind: str, id: str) -> list[str]:
        return [user for by, user in await self.resources.needed_by(reader, kind, id) if by == "hub"]

    def wanted(self, item: Item) -> BoxWanted:
        parts = {
            f"net/{id}": item.remote["net", id] for id in item.facts["here"] if ("net", id) in item.remote
        }
        return BoxWanted(id=item.resource.id, name=item.resource.name, size=item.facts["size"], parts=parts)

    def plan(self, item: Item, seen: BoxObserved) -> Plan:
        wanted = self.wanted(item)
        if seen.gone:
            return Fail(f"it is gone from {item.presence.cloud}")
        if seen.size != wanted.size:
            return Apply(Step("resize", {"size": wanted.size}))
        if seen.parts != wanted.parts:
            return Apply(Step("plug", {"parts": wanted.parts}))
        return Done()

    def differences(self, item: Item, seen: BoxObserved) -> list[Difference]:
        wanted = self.wanted(item)
        return [] if seen.size == wanted.size else [Difference("size", wanted.size, seen.size)]


#: Kinds that the machine knows something of; a `note` is only with us, and nobody has to be asked about it.
LIVES: dict[str, type[ToyLife]] = {**dict.fromkeys(TRAITS, ToyLife), "hub": HubLife}
