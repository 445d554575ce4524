"""The OpenStack driver against real clouds: what no fake can vouch for.

Configured by the environment: FRACTUS_REAL_CLOUDS_YAML names a `clouds.yaml`, FRACTUS_REAL_CLOUDS its entries to be
used, of administrators (`east-admin,west-admin`). What `check` says of a user without rights is tried with the entries
of the same names without `-admin`, where the file has them. Everything made is removed again, and looked for then.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import pathlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest
import yaml

from fractus.base.clock import SystemClock
from fractus.base.ids import new_id, new_mac, new_request_id
from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.services import Ask
from fractus.model.cloud import HOME, CloudRow, Observed, Scope, Step
from fractus.model.compute import FlavorWanted, KeypairWanted
from fractus.model.errors import CredentialsRejected, Missing, Refused
from fractus.model.images import ImageWanted
from fractus.model.network import FixedIp, NetworkWanted, PortWanted, Rule, SecurityGroupWanted, SubnetWanted
from fractus.model.servers import ServerObserved, ServerWanted
from fractus.testing.live import console_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

T = TypeVar("T")

_FILE = os.environ.get("FRACTUS_REAL_CLOUDS_YAML", "")
_NAMES = [name for name in os.environ.get("FRACTUS_REAL_CLOUDS", "").split(",") if name]
_PLAIN = [name.removesuffix("-admin") for name in _NAMES if name.endswith("-admin")]
_NONE = [pytest.param("", marks=pytest.mark.skip("FRACTUS_REAL_CLOUDS is not set, or names no -admin entry"))]

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHs0v9GLLbl3GXzP7G0nG0q4NvyjcJbhyXyD2F1Vh0zm driver"
_PREFIX = "openstack-driver"


def _entries() -> dict[str, Any]:
    loaded = yaml.safe_load(pathlib.Path(_FILE).read_text())
    return dict(loaded["clouds"])


def _connected(name: str, identity: str = "own", **changes: Any) -> OpenStackCloud:
    if not _FILE:
        pytest.skip("FRACTUS_REAL_CLOUDS_YAML is not set")
    if name not in _entries():
        pytest.skip(f"{_FILE} has no entry {name}")
    entry = {**_entries()[name], **changes}
    row = CloudRow(name=name, driver="openstack", identity=identity, auth=entry)
    return OpenStackCloud.connect(row, clock=SystemClock(), request_id=new_request_id)


@pytest.fixture(params=_NAMES or [pytest.param("", marks=pytest.mark.skip("FRACTUS_REAL_CLOUDS is not set"))])
async def cloud(request: pytest.FixtureRequest) -> AsyncIterator[OpenStackCloud]:
    connected = _connected(request.param)
    yield connected
    await connected.close()


@pytest.fixture
async def scope(cloud: OpenStackCloud) -> AsyncIterator[Scope]:
    """A tenant of ours that the child has never heard of; its project there is removed afterwards."""
    made = Scope(uuid.uuid4().hex, f"{_PREFIX} tenant")
    yield made
    child = cloud._child
    found = await child.read(
        HOME,
        Ask(service="identity", path="/projects", query={"name": f"fractus-{made.project_id}"}),
        dict[str, Any],
    )
    for project in found["projects"]:
        for group in await cloud.actuators()["security_group"]._having(made, {}):  # type: ignore[attr-defined]
            await cloud.actuators()["security_group"].delete(HOME, group.id)
        await child.send(HOME, Ask(service="identity", method="DELETE", path=f"/projects/{project['id']}"))


async def _until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], seconds: float = 90) -> T:
    async with asyncio.timeout(seconds):
        while not good(value := await look()):
            await asyncio.sleep(0.5)
    return value


async def _gone(cloud: OpenStackCloud, kind: str, scope: Scope, remote_id: str) -> None:
    async def missing() -> bool:
        try:
            await cloud.actuators()[kind].observe(scope, remote_id)
        except Missing:
            return True
        return False

    await _until(missing, bool)


async def _listed(cloud: OpenStackCloud, kind: str, since: str = "") -> dict[str, Observed]:
    return {seen.remote_id: seen async for seen in cloud.actuators()[kind].list_changed(since)}


def _bits(folder: pathlib.Path) -> tuple[str, int, str]:
    path = folder / "bits"
    path.write_bytes(os.urandom(300_000))
    return str(path), 300_000, hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


class Made:
    """What a walk has made, to be removed in the opposite order whatever happens."""

    def __init__(self, cloud: OpenStackCloud) -> None:
        self._cloud = cloud
        self.things: list[tuple[str, Scope, str]] = []

    async def make(self, kind: str, scope: Scope, wanted: Any) -> Any:
        """Create, and hold the driver to what every create promises."""
        actuator = self._cloud.actuators()[kind]
        assert await actuator.find(scope, wanted) is None
        made = await actuator.create(scope, wanted)
        self.things.append((kind, scope, made.remote_id))
        assert made.marker == wanted.id
        found = await actuator.find(scope, wanted)
        assert found is not None
        assert found.remote_id == made.remote_id
        seen = await actuator.observe(scope, made.remote_id)
        assert (seen.remote_id, seen.marker) == (made.remote_id, wanted.id)
        assert made.remote_id in await _listed(self._cloud, kind)
        return seen

    async def remove(self) -> None:
        """Delete all, wait until it is gone, and see that nothing of it is listed any more."""
        for kind, scope, remote_id in reversed(self.things):
            try:
                await self._cloud.actuators()[kind].delete(scope, remote_id)
            except Missing:
                continue
            await _gone(self._cloud, kind, scope, remote_id)
        for kind in {kind for kind, _scope, _id in self.things}:
            left = await _listed(self._cloud, kind)
            assert not [remote_id for _kind, _scope, remote_id in self.things if remote_id in left]


@pytest.fixture
async def made(cloud: OpenStackCloud, scope: Scope) -> AsyncIterator[Made]:
    things = Made(cloud)
    yield things
    await things.remove()


async def _network(made: Made, scope: Scope) -> tuple[str, str]:
    network = await made.make("network", scope, NetworkWanted(id=new_id(), name=f"{_PREFIX}-net"))
    subnet = await made.make(
        "subnet",
        scope,
        SubnetWanted(
            id=new_id(),
            name=f"{_PREFIX}-subnet",
            network_id=network.remote_id,
            cidr="10.77.0.0/24",
            gateway_ip="10.77.0.1",
            dns_nameservers=["10.77.0.53"],
            host_routes=[{"destination": "10.78.0.0/24", "nexthop": "10.77.0.9"}],
            pools=[{"start": "10.77.0.2", "end": "10.77.0.8"}],
        ),
    )
    assert (subnet.cidr, subnet.gateway_ip, subnet.dns_nameservers) == (
        "10.77.0.0/24",
        "10.77.0.1",
        ["10.77.0.53"],
    )
    assert subnet.host_routes == [{"destination": "10.78.0.0/24", "nexthop": "10.77.0.9"}]
    return network.remote_id, subnet.remote_id


def _port(network_id: str, subnet_id: str, address: str, groups: list[str]) -> PortWanted:
    return PortWanted(
        id=new_id(),
        name=f"{_PREFIX}-port",
        network_id=network_id,
        mac_address=new_mac(),
        fixed_ips=[FixedIp(subnet_id, address)],
        security_groups=groups,
    )


async def _ingredients(
    cloud: OpenStackCloud, made: Made, scope: Scope, folder: pathlib.Path
) -> tuple[ServerWanted, str]:
    """All that a server needs there, and the request for one; the second is its network."""
    network_id, subnet_id = await _network(made, scope)
    group = await made.make("security_group", scope, SecurityGroupWanted(id=new_id(), name="default"))
    assert group.name == "fractus-default"
    wanted_port = _port(network_id, subnet_id, "10.77.0.20", [group.remote_id])
    port = await made.make("port", scope, wanted_port)
    assert (port.mac_address, port.fixed_ips) == (wanted_port.mac_address, [FixedIp(subnet_id, "10.77.0.20")])
    assert port.security_groups == [group.remote_id]
    keypair = await made.make("keypair", scope, KeypairWanted(id=new_id(), name="k", public_key=_KEY))
    flavor = await made.make("flavor", scope, FlavorWanted(id=new_id(), name="tiny", vcpus=1, ram=64, disk=1))
    wanted = ServerWanted(
        id=new_id(),
        name=f"{_PREFIX}-server",
        flavor_id=flavor.remote_id,
        image_id=await _image(cloud, made, scope, folder, private=True),
        key_name=keypair.remote_id,
        port_ids=[port.remote_id],
        metadata={"colour": "blue"},
        user_data=base64.b64encode(b"#!/bin/sh\n").decode(),
        description="a description",
        hostname="chosen-name",
    )
    return wanted, network_id


class Walk:
    """A server and what can be done to it."""

    def __init__(self, cloud: OpenStackCloud, scope: Scope, remote_id: str) -> None:
        self._servers = cloud.actuators()["server"]
        self._scope = scope
        self._id = remote_id

    async def look(self) -> ServerObserved:
        seen = await self._servers.observe(self._scope, self._id)
        assert isinstance(seen, ServerObserved)
        return seen

    async def reach(self, status: str) -> ServerObserved:
        return await _until(self.look, lambda seen: seen.status == status and seen.task_state is None)

    async def do(self, verb: str, **body: Any) -> None:
        await self._servers.apply(self._scope, self._id, Step(verb, body))


async def test_a_server_lives_its_whole_life(
    cloud: OpenStackCloud, scope: Scope, made: Made, tmp_path: pathlib.Path
) -> None:
    wanted, network_id = await _ingredients(cloud, made, scope, tmp_path)
    server = await made.make("server", scope, wanted)
    walk = Walk(cloud, scope, server.remote_id)

    active = await walk.reach("ACTIVE")
    assert active.metadata == {"colour": "blue"}
    assert active.project_id == await cloud._child.project(scope)
    assert active.project_id != await cloud._child.project(HOME)
    assert "" not in (active.host, active.hypervisor_hostname, active.instance_name)
    assert (active.host_status, active.hostname) == ("UP", "chosen-name")
    port = await cloud.actuators()["port"].observe(scope, wanted.port_ids[0])
    assert port.device_id == server.remote_id

    for verb, status in (("stop", "SHUTOFF"), ("start", "ACTIVE")):
        await walk.do(verb)
        await walk.reach(status)
        await walk.do(verb)  # what is so already is done
    for kind in ("SOFT", "HARD"):
        await walk.do("reboot", type=kind)
        await walk.reach("ACTIVE")
    await walk.do("rename", name=f"{_PREFIX}-other")
    await walk.do("describe", description="another")
    await walk.do("set_metadata", metadata={"shape": "round"})
    changed = await walk.look()
    assert (changed.name, changed.metadata, changed.marker) == (
        f"{_PREFIX}-other",
        {"shape": "round"},
        wanted.id,
    )
    assert await console_of(cloud, scope, server.remote_id, 5, 10.0)
    with pytest.raises(Refused):
        await cloud.actuators()["network"].delete(scope, network_id)
    await _dies(cloud, scope, wanted, changed)


async def _dies(cloud: OpenStackCloud, scope: Scope, wanted: ServerWanted, last: ServerObserved) -> None:
    servers = cloud.actuators()["server"]
    await servers.delete(scope, last.remote_id)
    await _gone(cloud, "server", scope, last.remote_id)
    dead = (await _listed(cloud, "server", last.changed_at))[last.remote_id]
    assert dead.gone  # without marker: Nova takes metadata and tags from what it deletes
    assert await servers.find(scope, wanted) is None
    with pytest.raises(Missing):
        await servers.delete(scope, last.remote_id)


async def test_small_pages_hold_what_one_large_page_holds(
    cloud: OpenStackCloud, scope: Scope, made: Made, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, _network_id = await _ingredients(cloud, made, scope, tmp_path)
    first = await made.make("server", scope, wanted)
    second = ServerWanted(
        id=new_id(), name=f"{_PREFIX}-2", flavor_id=wanted.flavor_id, image_id=wanted.image_id, port_ids=[]
    )
    await made.make("server", scope, second)
    await made.make("keypair", scope, KeypairWanted(id=new_id(), name="k2", public_key=_KEY))
    await Walk(cloud, scope, first.remote_id).reach("ACTIVE")
    kinds = ("server", "flavor", "keypair", "image", "network", "subnet", "port", "security_group")
    large = {kind: set(await _listed(cloud, kind)) for kind in kinds}
    for module in ("servers", "nova", "images", "neutron"):
        monkeypatch.setattr(f"fractus.clouds.openstack.{module}._PAGE", 1)
    small = {kind: set(await _listed(cloud, kind)) for kind in kinds}
    since = {kind: set(await _listed(cloud, kind, "2020-01-01T00:00:00Z")) for kind in kinds}
    # Others may work in these clouds too: what is ours must be in all three.
    for kind, _scope, remote_id in made.things:
        assert remote_id in large[kind] & small[kind] & since[kind], kind


async def _image(
    cloud: OpenStackCloud, made: Made, scope: Scope, folder: pathlib.Path, *, private: bool
) -> str:
    path, size, checksum = _bits(folder)
    wanted = ImageWanted(
        id=new_id(),
        name=f"{_PREFIX}-image",
        disk_format="raw",
        container_format="bare",
        private=private,
        properties={"os_distro": "none", "hw_disk_bus": "virtio"},
        path=path,
        size=size,
        checksum=checksum,
    )
    images = cloud.actuators()["image"]
    seen = await made.make("image", scope, wanted)
    assert (seen.remote_id, seen.status) == (wanted.id, "queued")
    for _twice in range(2):
        await images.apply(scope, seen.remote_id, Step("upload", {"path": path, "size": size}))
    there = await images.observe(scope, seen.remote_id)
    assert (there.status, there.size, there.checksum) == ("active", size, checksum)
    return str(seen.remote_id)


async def test_an_image_for_all_is_kept_once_and_seen_by_tenants(
    cloud: OpenStackCloud, scope: Scope, made: Made, tmp_path: pathlib.Path
) -> None:
    image_id = await _image(cloud, made, scope, tmp_path, private=False)
    child = cloud._child
    seen = await child.read(scope, Ask(service="image", path=f"/images/{image_id}"), dict[str, Any])
    assert (seen["visibility"], seen["owner"]) == ("community", await child.project(HOME))
    other = Scope(uuid.uuid4().hex, "not made")
    assert other.project_id not in child.projects._known


async def test_an_image_that_was_deleted_there_can_be_carried_again(
    cloud: OpenStackCloud, scope: Scope, made: Made
) -> None:
    wanted = ImageWanted(id=new_id(), name=f"{_PREFIX}-again", disk_format="raw", container_format="bare")
    images = cloud.actuators()["image"]
    first = await made.make("image", scope, wanted)
    await images.delete(scope, first.remote_id)
    assert await images.find(scope, wanted) is None
    second = await made.make("image", scope, wanted)
    assert second.remote_id != first.remote_id
    assert second.marker == wanted.id


async def test_rules_of_a_security_group_are_added_once_and_removed(
    cloud: OpenStackCloud, scope: Scope, made: Made
) -> None:
    groups = cloud.actuators()["security_group"]
    group = await made.make(
        "security_group", scope, SecurityGroupWanted(id=new_id(), name=f"{_PREFIX}-sg", stateful=False)
    )
    assert group.stateful is False
    assert {rule.direction for rule in group.rules} == {"egress"}
    rules = [
        {
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "port_range_min": 22,
            "port_range_max": 22,
        },
        {"direction": "ingress", "ethertype": "IPv6", "remote_group_id": "self"},
    ]
    for rule in [*rules, *rules]:
        await groups.apply(scope, group.remote_id, Step("add_rule", rule))
    seen = await groups.observe(scope, group.remote_id)
    ingress = [rule for rule in seen.rules if rule.direction == "ingress"]
    assert {
        (rule.ethertype, rule.protocol, rule.port_range_min, rule.remote_group_id) for rule in ingress
    } == {
        ("IPv4", "tcp", 22, None),
        ("IPv6", None, None, "self"),
    }
    for rule in [*seen.rules, *seen.rules]:
        await groups.apply(scope, group.remote_id, Step("delete_rule", {"remote_id": rule.remote_id}))
    await groups.apply(scope, group.remote_id, Step("rename", {"name": "default"}))
    empty = await groups.observe(scope, group.remote_id)
    assert (empty.rules, empty.name) == ([], "fractus-default")
    assert isinstance(ingress[0], Rule)


async def test_networks_and_ports_are_updated_and_keep_their_marker(
    cloud: OpenStackCloud, scope: Scope, made: Made
) -> None:
    network_id, subnet_id = await _network(made, scope)
    port = await made.make("port", scope, _port(network_id, subnet_id, "10.77.0.30", []))
    for kind, remote_id in (("network", network_id), ("subnet", subnet_id), ("port", port.remote_id)):
        actuator = cloud.actuators()[kind]
        before = await actuator.observe(scope, remote_id)
        body = {"name": f"{_PREFIX}-renamed", "description": "no marker"}
        await actuator.apply(scope, remote_id, Step("update", body))
        after = await actuator.observe(scope, remote_id)
        assert (after.name, after.marker) == (f"{_PREFIX}-renamed", before.marker)
        assert remote_id in await _listed(cloud, kind, after.changed_at)
    pairs = {"allowed_address_pairs": [{"ip_address": "10.77.0.31"}]}
    await cloud.actuators()["port"].apply(scope, port.remote_id, Step("update", pairs))
    seen = await cloud.actuators()["port"].observe(scope, port.remote_id)
    assert [pair["ip_address"] for pair in seen.allowed_address_pairs] == ["10.77.0.31"]


async def test_a_port_without_marker_is_found_by_its_mac(
    cloud: OpenStackCloud, scope: Scope, made: Made
) -> None:
    network_id, subnet_id = await _network(made, scope)
    wanted = _port(network_id, subnet_id, "10.77.0.40", [])
    port = await made.make("port", scope, wanted)
    path = f"/ports/{port.remote_id}"
    ask = Ask(service="network", method="PUT", path=path, body={"port": {"description": ""}})
    await cloud._child.send(scope, ask)
    found = await cloud.actuators()["port"].find(scope, wanted)
    assert found is not None
    assert (found.remote_id, found.marker) == (port.remote_id, "")
    with pytest.raises(Refused) as refusal:
        await cloud.actuators()["port"].create(scope, wanted)
    assert (refusal.value.status, refusal.value.elsewhere) == (409, False)


async def test_extra_specs_of_a_flavor_are_steps(cloud: OpenStackCloud, scope: Scope, made: Made) -> None:
    flavors = cloud.actuators()["flavor"]
    wanted = FlavorWanted(id=new_id(), name="specs", vcpus=2, ram=128, disk=0, ephemeral=1, swap=64)
    flavor = await made.make("flavor", scope, wanted)
    assert (flavor.vcpus, flavor.ram, flavor.disk, flavor.ephemeral, flavor.swap) == (2, 128, 0, 1, 64)
    assert (await flavors.create(scope, wanted)).remote_id == flavor.remote_id
    specs = {"hw:cpu_policy": "shared", "anything:at_all": "yes"}
    await flavors.apply(scope, flavor.remote_id, Step("set_extra_specs", {"extra_specs": specs}))
    for _twice in range(2):
        await flavors.apply(scope, flavor.remote_id, Step("unset_extra_spec", {"key": "anything:at_all"}))
    assert (await flavors.observe(scope, flavor.remote_id)).extra_specs == {"hw:cpu_policy": "shared"}


async def test_a_keypair_is_imported_once(cloud: OpenStackCloud, scope: Scope, made: Made) -> None:
    keypairs = cloud.actuators()["keypair"]
    wanted = KeypairWanted(id=new_id(), name="same", public_key=_KEY)
    first = await made.make("keypair", scope, wanted)
    assert (await keypairs.create(scope, wanted)).fingerprint == first.fingerprint
    with pytest.raises(Refused):
        await keypairs.create(scope, KeypairWanted(id=wanted.id, public_key=_KEY.replace("AIHs0", "AIHs1")))


async def test_a_flavor_that_nobody_can_host_ends_in_error_with_the_reason(
    cloud: OpenStackCloud, scope: Scope, made: Made, tmp_path: pathlib.Path
) -> None:
    image_id = await _image(cloud, made, scope, tmp_path, private=True)
    flavor = await made.make(
        "flavor", scope, FlavorWanted(id=new_id(), name="huge", vcpus=9000, ram=64, disk=1)
    )
    wanted = ServerWanted(id=new_id(), name=f"{_PREFIX}-huge", flavor_id=flavor.remote_id, image_id=image_id)
    server = await made.make("server", scope, wanted)
    servers = cloud.actuators()["server"]
    seen = await _until(lambda: servers.observe(scope, server.remote_id), lambda seen: seen.status == "ERROR")
    assert seen.fault is not None
    assert "No valid host" in seen.fault.message


async def test_a_server_beyond_the_quota_is_refused_with_another_cloud_in_mind(
    cloud: OpenStackCloud, scope: Scope, made: Made, tmp_path: pathlib.Path
) -> None:
    image_id = await _image(cloud, made, scope, tmp_path, private=True)
    flavor = await made.make(
        "flavor", scope, FlavorWanted(id=new_id(), name="small", vcpus=1, ram=64, disk=1)
    )
    child = cloud._child
    path = f"/os-quota-sets/{await child.project(scope)}"
    ask = Ask(service="compute", method="PUT", path=path, body={"quota_set": {"instances": 0}})
    await child.send(HOME, ask)
    wanted = ServerWanted(id=new_id(), name=f"{_PREFIX}-over", flavor_id=flavor.remote_id, image_id=image_id)
    with pytest.raises(Refused) as refusal:
        await cloud.actuators()["server"].create(scope, wanted)
    await child.send(HOME, Ask(service="compute", method="DELETE", path=path))
    assert refusal.value.elsewhere
    assert "Quota exceeded" in refusal.value.reason


async def test_a_project_is_made_once_by_many_at_once(cloud: OpenStackCloud, scope: Scope) -> None:
    others = [_connected(cloud.name) for _ in range(3)]
    try:
        ids = await asyncio.gather(
            *(other._child.project(scope) for other in [*others, cloud] for _ in range(3))
        )
    finally:
        for other in others:
            await other.close()
    assert len(set(ids)) == 1
    ask = Ask(service="identity", path=f"/projects/{ids[0]}")
    project = await cloud._child.item(HOME, ask, "project", dict[str, Any])
    assert project["name"] == f"fractus-{scope.project_id}"
    assert project["description"] == f"{_PREFIX} tenant in fractus"


async def test_a_shared_keystone_gives_the_same_project(cloud: OpenStackCloud, scope: Scope) -> None:
    project_id = await cloud._child.project(scope)  # stands for a project of ours in the shared Keystone
    shared = _connected(cloud.name, identity="shared")
    try:
        assert await shared._child.project(Scope(project_id)) == project_id
        home = await cloud._child.project(HOME)
        assert await shared._child.project(Scope(home)) == home
    finally:
        await shared.close()


async def test_two_tenants_do_not_find_each_others_things(
    cloud: OpenStackCloud, scope: Scope, made: Made
) -> None:
    wanted = NetworkWanted(id=new_id(), name=f"{_PREFIX}-mine")
    await made.make("network", scope, wanted)
    assert await cloud.actuators()["network"].find(HOME, wanted) is None


async def test_a_token_that_was_revoked_is_replaced(cloud: OpenStackCloud) -> None:
    child = cloud._child
    grant = await child.projects.home()
    other = _connected(cloud.name)
    try:
        revoker = await other._child.projects.home()
        url = other._child.services.base(revoker, "identity") + "/auth/tokens"
        headers = {"X-Auth-Token": revoker.token, "X-Subject-Token": grant.token}
        async with aiohttp.ClientSession() as session, session.delete(url, headers=headers) as response:
            assert response.status == 204
    finally:
        await other.close()
    await child.read(HOME, Ask(service="identity", path="/projects", query={"name": "x"}), dict[str, Any])
    assert (await child.projects.home()).token != grant.token


async def test_check_of_an_administrator_finds_nothing_missing(cloud: OpenStackCloud) -> None:
    report = await cloud.check()
    assert report.reachable
    assert [finding for finding in report.findings if not finding.ok] == []
    assert report.services["compute"]["max"]
    assert report.services["compute"]["release"]
    assert report.services["image"]["max"]
    assert "security-group" in report.extensions


@pytest.mark.parametrize("name", _PLAIN or _NONE)
async def test_check_of_a_plain_user_says_what_is_missing(name: str) -> None:
    cloud = _connected(name)
    try:
        report = await cloud.check()
        wrong = {finding.subject: finding.text for finding in report.findings if not finding.ok}
        assert set(wrong) == {"servers", "flavors", "projects"}
        assert all("openstack role add" in text for text in wrong.values())
        with pytest.raises(Refused) as refusal:
            await cloud._child.project(Scope(uuid.uuid4().hex, "x"))
        assert refusal.value.elsewhere
    finally:
        await cloud.close()


@pytest.mark.parametrize("name", _PLAIN or _NONE)
async def test_who_may_not_make_flavors_uses_an_equal_one(name: str) -> None:
    cloud = _connected(name)
    flavors = cloud.actuators()["flavor"]
    try:
        there = next(iter((await _listed(cloud, "flavor")).values()))
        size = {
            key: getattr(there, key) for key in ("vcpus", "ram", "disk", "ephemeral", "swap", "extra_specs")
        }
        seen = await flavors.create(HOME, FlavorWanted(id=new_id(), name="x", **size))
        assert seen.marker == ""
        with pytest.raises(Missing):
            await flavors.delete(HOME, seen.remote_id)
        with pytest.raises(Refused):
            await flavors.apply(HOME, seen.remote_id, Step("set_extra_specs", {"extra_specs": {"a": "b"}}))
        with pytest.raises(Refused) as refusal:
            await flavors.create(HOME, FlavorWanted(id=new_id(), name="odd", vcpus=77, ram=77, disk=77))
        assert refusal.value.elsewhere
    finally:
        await cloud.close()


async def test_a_wrong_password_is_said_to_be_one(cloud: OpenStackCloud) -> None:
    auth = {**_entries()[cloud.name]["auth"], "password": "not-the-password"}
    wrong = _connected(cloud.name, auth=auth)
    try:
        with pytest.raises(CredentialsRejected) as error:
            await wrong.actuators()["server"].observe(HOME, new_id())
        assert "not-the-password" not in str(error.value)
        report = await wrong.check()
        assert report.reachable
        assert [finding.subject for finding in report.findings if not finding.ok] == ["credential"]
    finally:
        await wrong.close()
