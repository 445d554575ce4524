"""How every kind is listed for sweeps: since a cursor where the cloud has one, and page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fractus.base.clock import iso, parse_iso
from fractus.clouds.openstack import images, neutron, nova, servers
from fractus.model.cloud import Observed, Step
from tests.contract import things
from tests.contract.subjects import Subject
from tests.contract.things import KINDS, WANTED

every_kind = pytest.mark.parametrize("kind", KINDS)

#: Longer than the whole seconds that clouds print, and than a cursor's overlap would be needed for.
_LATER = 3.0


async def _later(cloud: Subject) -> None:
    passed = 0.0
    while passed < _LATER:
        passed += await cloud._pass_time()


async def _another(cloud: Subject, kind: str, first: Any) -> Any:
    """A second thing beside the first, with what it needs made anew where it must be."""
    if kind == "port":
        fixed = first.fixed_ips[0]
        return things.port_of(things.Net(first.network_id, fixed.subnet_id), "10.77.0.61")
    return await WANTED[kind](cloud, cloud.ann)


@every_kind
async def test_a_listing_since_a_stamp_leaves_out_what_is_older_where_the_cloud_can_tell(
    cloud: Subject, kind: str
) -> None:
    """A cursor that brought everything would make each quick sweep a full one; one that is said not to be there would
    make the kind be listed whole.
    """
    wanted = await WANTED[kind](cloud, cloud.ann)
    old = await cloud.make(kind, wanted)
    old = await _at_rest(cloud, kind, old.remote_id)
    await _later(cloud)
    new = await cloud.make(kind, await _another(cloud, kind, wanted))
    new = await _at_rest(cloud, kind, new.remote_id)
    listed = await cloud.listed(kind, new.changed_at)
    assert new.remote_id in listed
    assert (old.remote_id in listed) is not await cloud[kind].has_cursor()


async def _at_rest(cloud: Subject, kind: str, remote_id: str) -> Any:
    if kind == "server":
        return await cloud.observed(kind, remote_id, lambda seen: seen.status in ("ACTIVE", "ERROR"))
    return await cloud[kind].observe(cloud.ann, remote_id)


#: How each kind that can be changed is changed.
CHANGES: dict[str, Callable[[], Step]] = {
    "network": lambda: Step("update", {"name": "changed"}),
    "subnet": lambda: Step("update", {"name": "changed"}),
    "port": lambda: Step("update", {"name": "changed"}),
    "security_group": lambda: Step("rename", {"name": "changed"}),
    "server": lambda: Step("rename", {"name": "changed"}),
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_a_change_is_listed_under_a_stamp_that_is_no_older(cloud: Subject, kind: str) -> None:
    """What somebody changed there is found by the cursor: the stamp moves with every change, also of a name."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    before = await _at_rest(cloud, kind, made.remote_id)
    await _later(cloud)
    await cloud[kind].apply(cloud.ann, made.remote_id, CHANGES[kind]())
    await cloud.until(
        lambda: cloud[kind].observe(cloud.ann, made.remote_id), lambda seen: seen.name == "changed"
    )
    listed = await cloud.listed(kind, iso(parse_iso(before.changed_at) + 1))
    assert listed[made.remote_id].name == "changed"
    assert listed[made.remote_id].changed_at > before.changed_at


async def test_rules_of_a_group_move_its_stamp(cloud: Subject) -> None:
    """Else a port that was opened there by hand would not be seen."""
    kind = "security_group"
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    before = await cloud[kind].observe(cloud.ann, made.remote_id)
    await _later(cloud)
    rule = {
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "port_range_min": 22,
        "port_range_max": 22,
    }
    await cloud[kind].apply(cloud.ann, made.remote_id, Step("add_rule", rule))
    listed = await cloud.listed(kind, iso(parse_iso(before.changed_at) + 1))
    assert 22 in [one.port_range_min for one in listed[made.remote_id].rules or ()]


async def test_a_deleted_server_is_listed_as_gone(cloud: Subject) -> None:
    """Nova lists what was deleted since; of the other kinds a whole listing tells that they are not there."""
    made = await cloud.make("server", await WANTED["server"](cloud, cloud.ann))
    before = await _at_rest(cloud, "server", made.remote_id)
    await cloud["server"].delete(cloud.ann, made.remote_id)
    await cloud.gone("server", made.remote_id)
    listed = await cloud.listed("server", before.changed_at)
    assert listed[made.remote_id].gone
    assert made.remote_id not in await cloud.listed("server")


@every_kind
async def test_a_listing_says_the_same_as_a_look(cloud: Subject, kind: str) -> None:
    """A sweep writes what was listed where a look had written: if they differed, each would undo the other."""
    made = await cloud.make(kind, await WANTED[kind](cloud, cloud.ann))
    looked = await _at_rest(cloud, kind, made.remote_id)
    listed = (await cloud.listed(kind))[made.remote_id]
    assert _plain(listed) == _plain(looked)


def _plain(seen: Observed) -> dict[str, Any]:
    fresh: dict[str, Any] = msgspec.to_builtins(seen)
    for name in (*seen.PASSING, "changed_at"):
        fresh.pop(name, None)
    return fresh


@every_kind
async def test_pages_of_one_hide_nothing_and_repeat_nothing(
    cloud: Subject, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page left out would be reported as missing, and looked for."""
    for module in (images, neutron, nova, servers):
        monkeypatch.setattr(module, "_PAGE", 1)
    wanted = await WANTED[kind](cloud, cloud.ann)
    made = [await cloud.make(kind, wanted)]
    made.append(await cloud.make(kind, await _another(cloud, kind, wanted)))
    listed = [seen.remote_id async for seen in cloud[kind].list_changed("")]
    assert {one.remote_id for one in made} <= set(listed)
    assert len(listed) == len(set(listed))
