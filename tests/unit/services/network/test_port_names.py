"""Names of ports in the DNS, where the operator has put them into a domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.testing.user import NETWORK
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(clouds=2, tmp_path=tmp_path, dns_domain="cloud.example.org") as made:
        yield made


def there(world: World, port: str) -> Any:
    (found,) = world.cloud("a").marked("port", port)
    return found


async def test_a_name_is_kept_and_shown_with_each_address(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24", "fd00::/64")
    port = await ann.create(
        "port",
        network_id=net,
        dns_name="Web",
        fixed_ips=[{"ip_address": "10.0.0.9"}, {"ip_address": "fd00::9"}],
    )
    assert port["dns_name"] == "web", "names have no case"
    assert port["dns_assignment"] == [
        {"ip_address": "10.0.0.9", "hostname": "web", "fqdn": "web.cloud.example.org."},
        {"ip_address": "fd00::9", "hostname": "web", "fqdn": "web.cloud.example.org."},
    ]
    whole = (await ann.change("port", port["id"], dns_name="db.cloud.example.org.")).ok()["port"]
    assert whole["dns_name"] == "db.cloud.example.org."
    assert whole["dns_assignment"][0] == {
        "ip_address": "10.0.0.9",
        "hostname": "db.cloud.example.org.",
        "fqdn": "db.cloud.example.org.",
    }
    none = (await ann.change("port", port["id"], dns_name="")).ok()["port"]
    assert none["dns_assignment"][1] == {
        "ip_address": "fd00::9",
        "hostname": "host-fd00--9",
        "fqdn": "host-fd00--9.cloud.example.org.",
    }


async def test_a_name_must_fit_into_the_domain(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = await ann.create("port", network_id=net, dns_name="web")
    outside = (
        "Invalid input for dns_name. Reason: The dns_name passed is a FQDN. Its higher level labels must be equal to "
        "the dns_domain option in neutron.conf, that has been set to 'cloud.example.org'. It must also include one or "
        "more valid DNS labels to the left of 'cloud.example.org'."
    )
    for name in ("web.example.net.", "web.", "cloud.example.org."):
        assert error(await ann.change("port", port["id"], dns_name=name)) == (400, "HTTPBadRequest", outside)
        assert error(await ann.ask("port", network_id=net, dns_name=name)) == (400, "HTTPBadRequest", outside)
    long = "x." * 126 + "abc"
    assert error(await ann.change("port", port["id"], dns_name=long))[2] == (
        "Invalid input for dns_name. Reason: The dns_name passed is a PQDN and its size is '255'. The dns_domain "
        "option in neutron.conf is set to cloud.example.org, with a length of '19'. When the two are concatenated to "
        "form a FQDN (with a '.' at the end), the resulting length exceeds the maximum size of '255'."
    )
    assert (await ann.show("port", port["id"]))["dns_name"] == "web"


async def test_a_servers_ports_have_its_name_there_too(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    own = await ann.create("port", network_id=net)
    named = await ann.create("port", network_id=net, dns_name="other")
    networks = [{"uuid": net}, {"port": own["id"]}, {"port": named["id"]}]
    server = await ann.user.boots_server("My VM", networks=networks, zone="a")
    await world.settle()
    ports = {one["id"]: one for one in await ann.listed("ports", device_id=server)}
    assert {id: one["dns_name"] for id, one in ports.items() if id != named["id"]} == dict.fromkeys(
        ports.keys() - {named["id"]}, "my-vm"
    )
    assert ports[named["id"]]["dns_name"] == "other", "it had a name"
    assert there(world, own["id"]).dns_name == "my-vm"
    assert there(world, named["id"]).dns_name == "other"
    (await ann.user.delete(f"/compute/v2.1/servers/{server}")).ok()
    await world.settle()
    left = await ann.show("port", own["id"])
    assert (left["device_id"], left["dns_name"]) == ("", "")


async def test_a_cloud_hears_the_part_before_the_domain_and_every_change(ann: Tenant, world: World) -> None:
    net, _ = await ann.network("10.0.0.0/24")
    port = (await ann.create("port", network_id=net, dns_name="vm.cloud.example.org."))["id"]
    await ann.user.boots_server("vm", networks=[{"port": port}], zone="a")
    await world.settle()
    assert there(world, port).dns_name == "vm", "each cloud has a domain of its own"
    for name in ("db", ""):
        (await ann.change("port", port, dns_name=name)).ok()
        await world.settle()
        assert there(world, port).dns_name == name


async def test_a_cloud_that_shows_no_names_is_sent_one_once(ann: Tenant, world: World) -> None:
    """With Neutron's default domain a name is taken and never shown."""
    net, _ = await ann.network("10.0.0.0/24")
    port = (await ann.create("port", network_id=net, dns_name="vm"))["id"]
    await ann.user.boots_server("vm", networks=[{"port": port}], zone="a")
    await world.settle()
    world.cloud("a").backend.records.put(msgspec.structs.replace(there(world, port), dns_name=""))
    await world.sweep(full=True)
    await world.settle()
    faults = world.cloud("a").faults
    before = len([one for one in faults.changes() if one.kind == "port"])
    (await ann.change("port", port, dns_name="db")).ok()
    await world.settle()
    world.cloud("a").backend.records.put(msgspec.structs.replace(there(world, port), dns_name=""))
    await world.sweep(full=True)
    await world.run_for(1200)
    assert len([one for one in faults.changes() if one.kind == "port"]) == before + 1
    shown = (await ann.user.get(f"{NETWORK}/ports/{port}")).ok()["port"]
    assert "fractus:error" not in shown
