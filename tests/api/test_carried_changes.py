"""What changes after a thing was carried to a cloud is there before the next server is built of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fractus.model.cloud import HOME
from fractus.reconcile.sweep.remedy import Remedies
from fractus.store import findings, presences
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World

PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


@pytest.fixture(params=["shared", "own"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Two clouds: with our own projects, or with projects that stand for ours."""
    async with World(clouds=2, tmp_path=tmp_path, identity=request.param) as made:
        yield made


def there(world: World, kind: str, id: str, cloud: str = "a") -> Any:
    """What is in a cloud of our resource."""
    (found,) = world.cloud(cloud).marked(kind, id)
    return found


async def project_there(world: World, user: User, cloud: str = "a") -> str:
    """The cloud's own id of a user's project."""
    scope = await world.parts.worker.machine.scope_of(user.project_id)  # type: ignore[attr-defined]
    return world.cloud(cloud).connect(world).project_of(scope)[0]


async def patches(user: User, image: str, *changes: dict[str, Any]) -> None:
    (await user.patch(f"{IMAGE}/images/{image}", list(changes), headers=PATCH)).ok()


def replace(name: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": f"/{name}", "value": value}


async def boots(world: World, user: User, **more: Any) -> dict[str, Any]:
    """A server in the cloud `a`, as it is when nothing is left to do."""
    server = await user.boots_server(zone="a", **more)
    await world.settle()
    return await user.server(server)


def changes_of(world: World) -> list[tuple[str, str]]:
    """What was changed in the cloud `a`, in order."""
    return [(call.kind, call.method) for call in world.cloud("a").faults.changes()]


async def shares(owner: User, image: str, member: User) -> None:
    url = f"{IMAGE}/images/{image}/members"
    (await owner.post(url, {"member": member.project_id})).ok()
    (await member.put(f"{url}/{member.project_id}", {"status": "accepted"})).ok()


# --- images --------------------------------------------------------------------------------------


async def test_an_image_that_is_shared_after_it_was_carried_is_used_by_the_other_project(
    world: World,
) -> None:
    """Refused there, the other project's server would end in ERROR, though fractus says that it may use the image."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="shared")
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    assert there(world, "image", image).visibility == "private", "nobody else may use it there"
    await shares(ann, image, ben)
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    assert set(there(world, "image", image).members) == {await project_there(world, ben)}


async def test_an_image_that_is_shared_no_longer_is_not_used_there_any_more(world: World) -> None:
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="shared")
    await shares(ann, image, ben)
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    assert set(there(world, "image", image).members) == {await project_there(world, ben)}
    (await ann.delete(f"{IMAGE}/images/{image}/members/{ben.project_id}")).ok()
    await world.settle()
    assert there(world, "image", image).members == {}
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE", "its owner may as before"


async def test_a_member_that_builds_nothing_in_a_cloud_is_not_made_known_there(world: World) -> None:
    """A project is made in a cloud on first use: anybody can share an image with any number of names."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="shared")
    await boots(world, ann, image=image)
    await shares(ann, image, ben)
    (await ann.post(f"{IMAGE}/images/{image}/members", {"member": "no-such-project"})).ok()
    await world.settle()
    assert there(world, "image", image).members == {}
    assert await project_there(world, ben) not in world.cloud("a").backend.records.projects()


@pytest.mark.parametrize("visibility", ["community", "public"])
async def test_an_image_for_everybody_may_be_used_by_everybody_and_then_not(
    world: World, visibility: str
) -> None:
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="private")
    await boots(world, ann, image=image)
    await patches(world.admin, image, replace("visibility", visibility))
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    assert there(world, "image", image).visibility == "community"
    await patches(ann, image, replace("visibility", "private"))
    await world.settle()
    closed = there(world, "image", image)
    assert (closed.visibility, closed.members) == ("shared", {})
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"


async def test_an_image_that_was_for_everybody_from_its_start_is_closed(world: World) -> None:
    """It lies in nobody's project there, so its owner is let in by name."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="community")
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    await patches(ann, image, replace("visibility", "private"))
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    closed = there(world, "image", image)
    assert (closed.visibility, set(closed.members)) == ("shared", {await project_there(world, ann)})


async def test_an_image_that_was_closed_and_is_made_anew_is_its_owner_s_there(world: World) -> None:
    """It lay in nobody's project there; now it lies in its owner's, who needs not to be let in."""
    ann = world.user("ann")
    image = await ann.makes_image(visibility="community")
    await boots(world, ann, image=image)
    await patches(ann, image, replace("visibility", "private"))
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    records = world.cloud("a").backend.records
    records.drop(there(world, "image", image))
    await world.settle(2 * 3600)
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    anew = there(world, "image", image)
    assert (anew.project_id, anew.visibility) == (await project_there(world, ann), "private")
    assert anew.members == {}


async def test_an_image_of_another_owner_is_the_other_s_there_too(world: World) -> None:
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="private")
    await boots(world, ann, image=image)
    await patches(world.admin, image, replace("owner", ben.project_id))
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    assert there(world, "image", image).project_id == await project_there(world, ben)
    (await ben.delete(f"{IMAGE}/images/{image}")).ok()


async def test_an_administrator_s_server_of_a_tenant_s_image_is_built(world: World) -> None:
    """Glance lets administrators use every image; what was accepted here is not refused there."""
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private")
    await boots(world, ann, image=image)
    assert (await boots(world, world.admin, image=image))["status"] == "ACTIVE"
    await patches(ann, image, replace("min_ram", 1))
    await world.settle()
    assert there(world, "image", image).members == {}, "on no other ground than that server's"


async def test_properties_and_limits_arrive_before_the_next_server_is_built(world: World) -> None:
    """Else two servers of one image would have other disks, by the cloud that they were built in and when."""
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private", hw_disk_bus="virtio", note="old")
    await boots(world, ann, image=image)
    world.cloud("a").faults.clear_log()
    add = {"op": "add", "path": "/hw_vif_model", "value": "e1000"}
    await patches(
        ann,
        image,
        replace("hw_disk_bus", "scsi"),
        replace("min_ram", 64),
        replace("min_disk", 1),
        replace("name", "new"),
        add,
        {"op": "remove", "path": "/note"},
    )
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    image_there = there(world, "image", image)
    assert image_there.properties == {"hw_disk_bus": "scsi", "hw_vif_model": "e1000"}
    assert (image_there.name, image_there.min_ram, image_there.min_disk) == ("new", 64, 1)
    made = [(kind, method) for kind, method in changes_of(world) if kind in ("image", "server")]
    assert made == [("image", "apply update"), ("server", "create")]


async def test_what_a_rebuild_must_know_is_kept_up_to_date(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private", tags=["old"])
    await boots(world, ann, image=image)
    await patches(ann, image, replace("tags", ["new"]), replace("os_hidden", True))
    await world.settle()
    notes = there(world, "image", image).notes
    assert (notes["tags"], notes["os_hidden"]) == (["new"], True)


async def test_a_server_waits_until_the_change_has_arrived(world: World) -> None:
    """A cloud that takes no changes of images for a while builds no server of an image as it was before."""
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private", hw_disk_bus="virtio")
    await boots(world, ann, image=image)
    faults = world.cloud("a").faults
    faults.throttles(times=3, kind="image", method="apply")
    faults.clear_log()
    await patches(ann, image, replace("hw_disk_bus", "scsi"))
    server = await ann.boots_server(zone="a", image=image)
    await world.run_for(1)
    assert not faults.calls("server", "create")
    await world.settle()
    assert there(world, "image", image).properties == {"hw_disk_bus": "scsi"}
    assert (await ann.server(server))["status"] == "ACTIVE"


async def test_a_refused_change_refuses_servers_there_and_not_elsewhere(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private", hw_disk_bus="virtio")
    await boots(world, ann, image=image)
    world.cloud("a").faults.refuses("hw_disk_bus is protected.", kind="image", method="apply")
    await patches(ann, image, replace("hw_disk_bus", "scsi"))
    refused = await boots(world, ann, image=image)
    assert refused["status"] == "ERROR"
    assert "hw_disk_bus is protected." in refused["fault"]["message"]
    elsewhere = await ann.boots_server(image=image)
    await world.settle()
    assert (await ann.server(elsewhere))["status"] == "ACTIVE"
    assert world.cloud("b").marked("server", elsewhere)


# --- flavors -------------------------------------------------------------------------------------


def access(user: User) -> dict[str, Any]:
    return {"addTenantAccess": {"tenant": user.project_id}}


async def test_a_private_flavor_is_used_there_by_those_that_may_here(world: World) -> None:
    """Made public there, it would be everybody's who uses that cloud directly."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    flavor = await world.admin.makes_flavor("own", **{"os-flavor-access:is_public": False})
    url = f"{COMPUTE}/flavors/{flavor}"
    for user in (ann, ben):
        (await world.admin.post(f"{url}/action", access(user))).ok()
    assert (await boots(world, ann, flavor=flavor))["status"] == "ACTIVE"
    made = there(world, "flavor", flavor)
    assert (made.is_public, made.access) == (False, [await project_there(world, ann)])
    assert (await boots(world, ben, flavor=flavor))["status"] == "ACTIVE"
    both = sorted([await project_there(world, ann), await project_there(world, ben)])
    assert there(world, "flavor", flavor).access == both
    (await world.admin.post(f"{url}/action", {"removeTenantAccess": {"tenant": ann.project_id}})).ok()
    await world.settle()
    assert there(world, "flavor", flavor).access == [await project_there(world, ben)]


async def test_an_administrator_s_server_of_a_private_flavor_is_built(world: World) -> None:
    """Nova lets administrators use every flavor."""
    flavor = await world.admin.makes_flavor("own", **{"os-flavor-access:is_public": False})
    assert (await boots(world, world.admin, flavor=flavor))["status"] == "ACTIVE"


async def test_extra_specs_arrive_before_the_next_server_is_built(world: World) -> None:
    ann = world.user("ann")
    flavor = await world.admin.makes_flavor("spec")
    await boots(world, ann, flavor=flavor)
    world.cloud("a").faults.clear_log()
    url = f"{COMPUTE}/flavors/{flavor}"
    (await world.admin.post(f"{url}/os-extra_specs", {"extra_specs": {"hw:cpu_policy": "dedicated"}})).ok()
    assert (await boots(world, ann, flavor=flavor))["status"] == "ACTIVE"
    assert there(world, "flavor", flavor).extra_specs == {"hw:cpu_policy": "dedicated"}
    made = [(kind, method) for kind, method in changes_of(world) if kind in ("flavor", "server")]
    assert made[0] == ("flavor", "apply set_extra_specs")
    assert made[-1] == ("server", "create")


async def test_a_flavor_s_description_is_known_to_a_rebuild(world: World) -> None:
    flavor = await world.admin.makes_flavor("described")
    await boots(world, world.user("ann"), flavor=flavor)
    url, body = f"{COMPUTE}/flavors/{flavor}", {"flavor": {"description": "for tests"}}
    (await world.admin.put(url, body, version="2.55")).ok()
    await world.settle()
    assert there(world, "flavor", flavor).notes["description"] == "for tests"


# --- network things ------------------------------------------------------------------------------


async def test_a_subnet_s_name_servers_arrive_before_the_next_server_is_built(world: World) -> None:
    """A server asks for them once, when it comes up."""
    ann = world.user("ann")
    network = await ann.makes_network()
    await boots(world, ann, network=network)
    faults = world.cloud("a").faults
    faults.throttles(times=2, kind="subnet", method="apply")
    faults.clear_log()
    body = {"subnet": {"dns_nameservers": ["192.0.2.53"]}}
    (await ann.put(f"{NETWORK}/subnets/{network.subnet_id}", body)).ok()
    assert (await boots(world, ann, network=network))["status"] == "ACTIVE"
    done = [one for one in changes_of(world) if one in (("subnet", "apply update"), ("port", "create"))]
    assert done[-2:] == [("subnet", "apply update"), ("port", "create")]
    assert there(world, "subnet", network.subnet_id).dns_nameservers == ["192.0.2.53"]


async def test_the_pools_of_a_subnet_are_known_to_a_rebuild(world: World) -> None:
    ann = world.user("ann")
    network = await ann.makes_network()
    await boots(world, ann, network=network)
    url = f"{NETWORK}/subnets/{network.subnet_id}"
    (pool,) = (await ann.get(url)).ok()["subnet"]["allocation_pools"]
    smaller = [{"start": pool["start"], "end": pool["start"].rsplit(".", 1)[0] + ".200"}]
    (await ann.put(url, {"subnet": {"allocation_pools": smaller}})).ok()
    await world.settle()
    assert there(world, "subnet", network.subnet_id).notes == {"pools": smaller}
    assert (await boots(world, ann, network=network))["status"] == "ACTIVE"


async def test_a_rule_that_is_withdrawn_is_gone_before_the_next_server_is_built(world: World) -> None:
    ann = world.user("ann")
    group = await ann.makes_security_group("web")
    body = {"security_group_id": group, "direction": "ingress", "protocol": "tcp"}
    rule = (await ann.post(f"{NETWORK}/security-group-rules", {"security_group_rule": body})).ok()
    await boots(world, ann, groups=["web"])
    world.cloud("a").faults.clear_log()
    (await ann.delete(f"{NETWORK}/security-group-rules/{rule['security_group_rule']['id']}")).ok()
    assert (await boots(world, ann, groups=["web"]))["status"] == "ACTIVE"
    made = [one for one in changes_of(world) if one[0] in ("security_group", "server")]
    assert made == [("security_group", "apply delete_rule"), ("server", "create")]


# --- all kinds -----------------------------------------------------------------------------------


async def test_a_second_server_of_the_same_costs_no_look_at_what_it_is_built_of(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private")
    network = await ann.makes_network()
    await boots(world, ann, image=image, network=network)
    world.cloud("a").faults.clear_log()
    await boots(world, ann, image=image, network=network)
    assert changes_of(world) == [("port", "create"), ("server", "create")]
    looks = [call for kind in ("image", "flavor", "network", "subnet") for call in
             world.cloud("a").faults.calls(kind, "observe")]  # fmt: skip
    assert not looks


async def test_what_was_carried_before_it_was_written_down_with_whom_it_lies(world: World) -> None:
    """By an earlier version, or taken over as it was: it is looked at once, and then used."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="shared")
    await boots(world, ann, image=image)
    async with world.parts.store.transaction() as tx:
        presence = await presences.fetch(tx, "image", image, "a", to_write=True)
        assert presence is not None
        presence.memory = {}
        await presences.save(tx, presence)
    server = await ann.boots_server(zone="a", image=image)
    await world.run_for(8)
    assert world.cloud("a").marked("server", server), "what waits for it is woken"
    await shares(ann, image, ben)
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"


async def test_a_copy_that_stands_open_is_reported_and_closed_by_a_repair(world: World) -> None:
    """Earlier versions made a copy for everybody of what was shared with some, in nobody's project."""
    ann, ben = world.user("ann"), world.user("ben", project="p2")
    image = await ann.makes_image(visibility="shared")
    await shares(ann, image, ben)
    await boots(world, ann, image=image)
    await world.run_for(5)
    backend, opened = world.cloud("a").backend, there(world, "image", image)
    home = world.cloud("a").connect(world).project_of(HOME)[0]
    with backend.records.changing():
        opened.visibility, opened.project_id, opened.changed_at = "community", home, backend.now()
        backend.records.put(opened)
    await world.run_for(30)
    (one,) = [one for one in await findings.page(world.parts.store, {}) if one.what == findings.CHANGED]
    assert [field["field"] for field in one.differences] == ["visibility"]
    assert (await boots(world, ben, image=image))["status"] == "ACTIVE"
    machine = world.parts.worker.machine  # type: ignore[attr-defined]
    remedies = Remedies(machine.resources, machine.lifecycles, machine.notifier)
    async with world.parts.store.transaction() as tx:
        await remedies.do(tx, one, "repair", ())
    await world.settle()
    assert there(world, "image", image).visibility == "shared"
    for user in (ann, ben):
        assert (await boots(world, user, image=image))["status"] == "ACTIVE"
    both = {await project_there(world, ann), await project_there(world, ben)}
    assert set(there(world, "image", image).members) == both


async def test_what_somebody_else_changed_there_is_reported_and_not_fought(world: World) -> None:
    ann = world.user("ann")
    image = await ann.makes_image(visibility="private", hw_disk_bus="virtio")
    await boots(world, ann, image=image)
    backend, changed = world.cloud("a").backend, there(world, "image", image)
    await world.run_for(5)
    with backend.records.changing():
        changed.properties = {"hw_disk_bus": "ide"}
        changed.changed_at = backend.now()
        backend.records.put(changed)
    await world.run_for(30)
    every = await findings.page(world.parts.store, {})
    (one,) = [one for one in every if one.what == findings.CHANGED]
    (field,) = one.differences
    assert (field["field"], field["wanted"], field["found"]) == (
        "properties",
        {"hw_disk_bus": "virtio"},
        {"hw_disk_bus": "ide"},
    )
    assert (await boots(world, ann, image=image))["status"] == "ACTIVE"
    assert there(world, "image", image).properties == {"hw_disk_bus": "ide"}
