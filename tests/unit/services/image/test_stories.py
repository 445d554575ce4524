"""Images, flavors and keypairs on their way through the whole machine, over simulated clouds."""

from __future__ import annotations

from pathlib import Path

from fractus.clouds.simulated.records import FlavorRecord, ImageRecord, KeypairRecord
from fractus.testing.world import World


async def test_only_the_cloud_that_builds_the_server_gets_what_it_needs(tmp_path: Path) -> None:
    async with World(clouds=2, tmp_path=tmp_path) as world:
        ann = world.user("ann", project="p1")
        key = await ann.makes_keypair("key")
        server = await ann.boots_server(zone="a", key=key)
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        image = await world.default_image()
        (there,) = world.cloud("a").marked("image", image)
        assert isinstance(there, ImageRecord)
        assert there.status == "active"
        assert len(world.cloud("a").of("keypair")) == 1
        for kind in ("image", "keypair", "server"):
            assert world.cloud("b").of(kind) == [], kind


async def test_a_deleted_image_leaves_the_clouds_and_then_this_node(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann", project="p1")
        image = await ann.makes_image("mine")
        server = await ann.boots_server(image=image)
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        assert len(world.cloud("a").marked("image", image)) == 1
        assert (await ann.delete(f"/image/v2/images/{image}")).status == 204
        await ann.deletes_server(server)
        await world.settle()
        assert world.cloud("a").marked("image", image) == []
        assert [path.name for path in tmp_path.rglob(image)] == []
        await world.assert_no_orphans()


async def test_a_key_made_again_under_its_old_name_is_the_one_that_servers_get(tmp_path: Path) -> None:
    """The old key still lies in the cloud, for a server was built with it."""
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann = world.user("ann", project="p1")
        await ann.makes_keypair("key")
        first = await ann.boots_server(key="key")
        await world.settle()
        assert (await ann.delete("/compute/v2.1/os-keypairs/key", version="2.2")).status == 204
        other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB1oL3jgCAYG78m/lPzo1gj7vOVlWhEOSAv7qpZeRoJ2 other"
        await ann.makes_keypair("key", other)
        second = await ann.boots_server(key="key")
        await world.run_for(
            60
        )  # the old key waits for its server to leave first, so the world never quite settles
        for server in (first, second):
            assert (await ann.server(server))["status"] == "ACTIVE"
        keys = world.cloud("a").of("keypair")
        assert len(keys) == 2
        assert sum(isinstance(key, KeypairRecord) and key.public_key == other for key in keys) == 1


async def test_changed_extra_specs_reach_the_clouds(tmp_path: Path) -> None:
    async with World(clouds=1, tmp_path=tmp_path) as world:
        ann, root = world.user("ann", project="p1"), world.admin
        flavor = await world.default_flavor()
        server = await ann.boots_server(flavor=flavor)
        await world.settle()
        assert (await ann.server(server))["status"] == "ACTIVE"
        specs = f"/compute/v2.1/flavors/{flavor}/os-extra_specs"
        (await root.post(specs, {"extra_specs": {"a": "1", "b": "2"}})).ok()
        await world.settle()
        (there,) = world.cloud("a").of("flavor")
        assert isinstance(there, FlavorRecord)
        assert there.extra_specs == {"a": "1", "b": "2"}
        assert (await root.delete(f"{specs}/a")).status == 200
        await world.settle()
        (there,) = world.cloud("a").of("flavor")
        assert isinstance(there, FlavorRecord)
        assert there.extra_specs == {"b": "2"}
