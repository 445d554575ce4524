"""What follows others is where they are, and what reads facts of others keeps to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete

from fractus.model.resource import AWAIT, CARRY, IF_PRESENT, Need, Presence, Resource
from fractus.reconcile.adopt.adopt import IdentityMapping, Survey, adopt
from fractus.reconcile.adopt.adoption import Adoption, AdoptionContext, Merge
from fractus.reconcile.adopt.detach import detach, freeze
from fractus.reconcile.converge import relocation
from fractus.reconcile.converge.following import clouds_of
from fractus.reconcile.kind import Lifecycle, fingerprint
from fractus.reconcile.sweep.remedy import FORGET, Remedies
from fractus.store import findings, presences, work
from fractus.store.findings import MISSING, Finding
from fractus.store.transaction import Query, Transaction
from tests.unit.reconcile.toy import MORE, DeafNotifier, ToyCloud, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, kinds=MORE)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({}, set()),
        ({AWAIT: ["east"]}, {"east"}),
        ({AWAIT: ["east"], CARRY: ["east", "west"]}, {"east"}),
        ({AWAIT: ["east"], CARRY: ["west"]}, set()),
        ({AWAIT: [], CARRY: ["west"]}, set()),
        ({IF_PRESENT: ["east", "west"]}, {"east", "west"}),
        ({AWAIT: ["east"], IF_PRESENT: ["west"]}, {"east"}),
    ],
)
def test_all_that_it_waits_for_or_else_any(there: dict[str, list[str]], expected: set[str]) -> None:
    needs = {Need("net", mode, mode=mode): clouds for mode, clouds in there.items()}  # type: ignore[arg-type]
    assert clouds_of(needs) == expected


def test_any_of_several() -> None:
    one, other = Need("net", "1", mode=IF_PRESENT), Need("net", "2", mode=IF_PRESENT)
    assert clouds_of({one: ["east"], other: ["west"]}) == {"east", "west"}


# --- where all are --------------------------------------------------------------------------------------


async def tied(world: World, *, zone: str = "") -> None:
    """A box and a volume, attached."""
    await world.want("vol", "v1")
    await world.want("box", "b1", zone=zone)
    await world.want("tie", "t1", [Need("box", "b1", mode=AWAIT), Need("vol", "v1", mode=AWAIT)])


def kinds_of(cloud: ToyCloud) -> list[str]:
    return sorted(one.kind for one in cloud.things.values() if not one.gone)


@pytest.mark.parametrize("zone", ["", "west"])
async def test_an_attachment_is_where_both_are_and_ties_them(world: World, zone: str) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await tied(world, zone=zone)
    await world.settle()
    (where,) = await world.where("tie", "t1")
    assert await world.where() == await world.where("vol", "v1") == [where]
    assert where == (zone or where)
    cloud = {"east": east, "west": west}[where]
    (tie,) = cloud.here("tie")
    assert tie.parts == {
        "box/b1": cloud.here()[0].remote_id,
        "vol/v1": cloud.here("vol")[0].remote_id,
    }
    assert (await world.shown("tie", "t1"))["status"] == "settled"
    assert await world.pending() == []


async def test_it_waits_until_the_second_comes(world: World) -> None:
    east = await world.cloud("east")
    await world.want("box", "b1")
    await world.want("tie", "t1", [Need("box", "b1", mode=AWAIT), Need("vol", "v1", mode=AWAIT)])
    await world.settle()
    assert await world.where("tie", "t1") == []
    await world.want("vol", "v1")
    await world.settle()
    assert kinds_of(east) == ["box", "tie", "vol"]


async def test_it_leaves_before_the_first_that_leaves(world: World) -> None:
    east = await world.cloud("east")
    await tied(world)
    await world.settle()
    await world.remove("box", "b1")
    await world.settle()
    assert kinds_of(east) == ["vol"]
    assert await world.where("tie", "t1") == []
    assert await world.pending() == []
    await world.remove("tie", "t1")
    await world.remove("vol", "v1")
    await world.settle()
    assert kinds_of(east) == []


async def test_detached_it_leaves_alone_and_comes_back(world: World) -> None:
    east = await world.cloud("east")
    await tied(world)
    await world.settle()
    await world.remove("tie", "t1")
    await world.settle()
    assert kinds_of(east) == ["box", "vol"]
    await world.want("tie", "t2", [Need("box", "b1", mode=AWAIT), Need("vol", "v1", mode=AWAIT)])
    await world.settle()
    assert kinds_of(east) == ["box", "tie", "vol"]


async def test_it_goes_along_when_both_change_their_cloud(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await tied(world, zone="east")
    await world.settle()
    for step in (relocation.begin, relocation.cut_over, relocation.finish):
        for kind, id in (("vol", "v1"), ("box", "b1")):
            async with world.machine.store.transaction() as tx:
                resource = await world.resources.fetch(tx, kind, id, to_write=True)
                assert resource is not None
                more = ("west",) if step is relocation.begin else ()
                await step(world.machine, tx, resource, *more)  # type: ignore[operator]
        await world.settle(120)
        if step is relocation.begin:
            assert kinds_of(east) == kinds_of(west) == ["box", "tie", "vol"]
    assert kinds_of(east) == []
    assert kinds_of(west) == ["box", "tie", "vol"]
    assert await world.pending() == []


# --- where any is ---------------------------------------------------------------------------------------


async def hub(world: World, *nets: str) -> None:
    for number, net in enumerate(nets):
        await world.want("net", net, size=10**number)
    await world.want("hub", "h1", [Need("net", net, mode=IF_PRESENT) for net in nets])


async def test_a_router_is_where_one_of_its_subnets_is_and_brings_none(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await hub(world, "n1", "n2")
    await world.settle()
    assert await world.where("hub", "h1") == []
    await world.want("box", "b1", [Need("net", "n1")], zone="east")
    await world.settle()
    assert await world.where("hub", "h1") == ["east"]
    assert sorted(east.here("hub")[0].parts) == ["net/n1"]
    await world.want("box", "b2", [Need("net", "n2")], zone="west")
    await world.want("box", "b3", [Need("net", "n2")], zone="east")
    await world.settle()
    assert sorted(east.here("hub")[0].parts) == ["net/n1", "net/n2"]
    assert sorted(west.here("hub")[0].parts) == ["net/n2"]
    assert await world.pending() == []


async def test_it_leaves_with_the_last_and_gains_and_loses_needs(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await hub(world, "n1")
    await world.want("net", "n2", size=10)
    await world.want("box", "b1", [Need("net", "n1")], zone="east")
    await world.want("box", "b2", [Need("net", "n2")], zone="west")
    await world.settle()
    assert await world.where("hub", "h1") == ["east"]
    both = [Need("net", "n1", mode=IF_PRESENT), Need("net", "n2", mode=IF_PRESENT)]
    await world.change("hub", "h1", both)
    await world.settle()
    assert sorted(await world.where("hub", "h1")) == ["east", "west"]
    await world.change("hub", "h1", both[1:])
    await world.settle()
    assert await world.where("hub", "h1") == ["west"]
    assert east.here("hub") == []
    await world.remove("box", "b2")
    await world.remove("net", "n2")
    await world.settle()
    assert await world.where("hub", "h1") == []
    assert kinds_of(west) == []
    assert await world.pending() == []


@pytest.mark.parametrize("what", ["missing", "too many"])
async def test_a_full_sweep_finds_what_is_where_it_should_not_be(world: World, what: str) -> None:
    """As an older process leaves it, which tells no follower of what it does."""
    east = await world.cloud("east")
    await hub(world, "n1")
    await tied(world)
    await world.want("box", "b2", [Need("net", "n1")])
    await world.settle()
    before = kinds_of(east)
    async with world.sqlite.transaction() as tx:
        for kind, id in (("hub", "h1"), ("tie", "t1")):
            if what == "missing":
                there = await world.presence(kind, id, "east")
                assert there is not None
                await presences.drop(tx, there)
                del east.things[there.remote_id or ""]
        if what == "too many":
            for kind, id in (("net", "n1"), ("vol", "v1")):
                there = await world.presence(kind, id, "east")
                assert there is not None
                there.wanted = False
                await presences.save(tx, there)
        await tx.execute(Query(delete(work.WORK)))
    await world.sweep("east", full=True)
    await world.settle()
    if what == "missing":
        assert await world.where("hub", "h1") == await world.where("tie", "t1") == ["east"]
        assert kinds_of(east) == before
    else:
        assert await world.where("hub", "h1") == await world.where("tie", "t1") == []


async def test_a_full_sweep_of_what_is_in_order_looks_at_nothing(world: World) -> None:
    await world.cloud("east")
    await hub(world, "n1")
    await tied(world)
    await world.want("box", "b2", [Need("net", "n1")])
    # One that waits for what is nowhere yet is as it should be too.
    await world.want("tie", "t2", [Need("box", "b1", mode=AWAIT), Need("vol", "none", mode=AWAIT)])
    await world.settle()
    await world.sweep("east", full=True)
    assert await world.pending() == []


# --- facts ----------------------------------------------------------------------------------------------


async def test_facts_come_from_rows_of_other_clouds_and_a_change_of_them_is_work(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await hub(world, "n1", "n2")
    await world.want("box", "b1", [Need("net", "n1")], zone="east")
    await world.want("box", "b2", [Need("net", "n2")], zone="west")
    await world.settle()
    assert [one.size for one in east.here("hub") + west.here("hub")] == [11, 11]
    await world.change("net", "n2", size=500)
    await world.settle()
    assert [one.size for one in east.here("hub") + west.here("hub")] == [501, 501]
    assert await world.pending() == []
    assert await world.findings() == {}


@pytest.mark.parametrize("by", ["look", "sweep"])
async def test_a_change_of_facts_that_nobody_was_notified_of_is_found(world: World, by: str) -> None:
    east = await world.cloud("east")
    await hub(world, "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    async with world.sqlite.transaction() as tx:
        net = await world.resources.fetch(tx, "net", "n1")
        assert net is not None
        net.desired["size"] = 42
        await world.resources.save(tx, net)
        if by == "look":
            await work.wake(tx, "hub", "h1", "east")
    await world.settle()
    if by == "sweep":
        await world.sweep("east", full=True)
        await world.settle()
    assert [one.size for one in east.here("hub")] == [42]
    assert await world.findings() == {}


async def test_what_somebody_else_changed_is_still_drift(world: World) -> None:
    east = await world.cloud("east")
    await hub(world, "n1")
    await world.want("box", "b1", [Need("net", "n1")])
    await world.settle()
    (there,) = east.here("hub")
    east.change(there.remote_id, size=9)
    await world.sweep("east", full=True)
    await world.settle()
    assert east.here("hub")[0].size == 9
    assert await world.findings() == {there.remote_id: "changed"}


def test_equal_facts_are_equal_whatever_their_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1}) != fingerprint({"a": 1})
    assert fingerprint({}) == ""


class Joins:
    """Whatever is found is the net that is here already."""

    after = ()

    def rank(self, seen: Any) -> int:
        return 0

    def rests_here(self, resource: Resource, presence: Presence) -> bool:
        return False

    async def judge(self, tx: Transaction, seen: Any, context: AdoptionContext) -> Merge:
        return Merge("n1")


class Parts:
    """What taking over and letting go work with."""

    def __init__(self, world: World) -> None:
        self.store, self.resources, self.ledger = world.sqlite, world.resources, world.ledger
        self.lifecycles = cast("Mapping[str, Lifecycle]", world.lives)
        self.adoptions = cast("Mapping[str, Adoption]", {"net": Joins()})
        self.now = world.clock.now


# --- what operators do is heard of too ------------------------------------------------------------------


async def in_both(world: World) -> None:
    """A router that is in two clouds, for its net is."""
    await hub(world, "n1")
    await world.want("box", "b1", [Need("net", "n1")], zone="east")
    await world.want("box", "b2", [Need("net", "n1")], zone="west")
    await world.settle()
    assert sorted(await world.where("hub", "h1")) == ["east", "west"]
    assert await world.pending() == []


async def test_it_leaves_where_what_it_follows_is_forgotten(world: World) -> None:
    east, _ = await world.cloud("east"), await world.cloud("west")
    await in_both(world)
    (net,) = east.here("net")
    lost = Finding(cloud="east", kind="net", remote_id=net.remote_id, what=MISSING, id="f1", resource_id="n1")
    async with world.sqlite.transaction() as tx:
        await findings.put(tx, lost)
        remedies = Remedies(world.resources, world.lives, DeafNotifier())
        assert (await remedies.do(tx, lost, FORGET)).able
    await world.settle()
    assert await world.where("hub", "h1") == ["west"]
    assert east.here("hub") == []


async def test_it_is_looked_at_where_what_it_follows_is_let_go_of(world: World) -> None:
    await world.cloud("east")
    await world.cloud("west")
    await in_both(world)
    parts = Parts(world)
    await freeze(parts, "east", "op")
    await detach(parts, "east")
    assert {("hub", "h1", ""), ("hub", "h1", "west")} <= {tuple(row[:3]) for row in await world.pending()}


async def test_it_comes_where_what_it_follows_is_taken_over(world: World) -> None:
    east, west = await world.cloud("east"), await world.cloud("west")
    await hub(world, "n1")
    await world.want("box", "b2", [Need("net", "n1")], zone="west")
    await world.settle()
    there = east.put("net", "n1")
    found = Survey("east", {"net": {there.remote_id: east.seen(there)}}, {}, [])
    await adopt(Parts(world), found, IdentityMapping())
    assert sorted(await world.where("net", "n1")) == ["east", "west"]
    await world.settle()
    assert sorted(await world.where("hub", "h1")) == ["east", "west"]
    assert len(east.here("hub")) == len(west.here("hub")) == 1
