"""What a cloud does not do: delete what is in use, make what cannot be."""

from __future__ import annotations

import msgspec
import pytest

from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp
from tests.contract import things
from tests.contract.subjects import Subject


async def _refused(cloud: Subject, kind: str, remote_id: str) -> None:
    with pytest.raises(Refused) as refused:
        await cloud[kind].delete(cloud.ann, remote_id)
    assert refused.value.status == 409
    assert (await cloud[kind].observe(cloud.ann, remote_id)).remote_id == remote_id


async def test_network_and_subnet_stay_while_a_port_uses_them(cloud: Subject) -> None:
    """The machine removes in order, and takes this refusal for "not yet"."""
    net = await things.net(cloud, cloud.ann)
    port = await cloud.make("port", things.port_of(net))
    await _refused(cloud, "subnet", net.subnet_id)
    await _refused(cloud, "network", net.network_id)
    await cloud["port"].delete(cloud.ann, port.remote_id)
    await cloud.gone("port", port.remote_id)
    await cloud["subnet"].delete(cloud.ann, net.subnet_id)
    await cloud["network"].delete(cloud.ann, net.network_id)
    await cloud.gone("network", net.network_id)


async def test_a_security_group_stays_while_a_port_has_it(cloud: Subject) -> None:
    """A server whose group vanished would stand open, or shut."""
    group = await cloud.make("security_group", await things.security_group(cloud, cloud.ann))
    net = await things.net(cloud, cloud.ann)
    await cloud.make("port", things.port_of(net, security_groups=[group.remote_id]))
    await _refused(cloud, "security_group", group.remote_id)


async def test_a_port_gets_the_address_and_mac_that_we_chose(cloud: Subject) -> None:
    """The parent owns addresses: what users were shown at once must be what the server has in the end."""
    wanted = await things.port(cloud, cloud.ann)
    made = await cloud.make("port", wanted)
    assert made.mac_address == wanted.mac_address
    assert made.fixed_ips == wanted.fixed_ips


@pytest.mark.parametrize("ip", ["10.78.0.5", "10.77.0.50"], ids=["outside the subnet", "taken"])
async def test_a_refused_port_leaves_nothing(cloud: Subject, ip: str) -> None:
    """A refusal is final: nothing of it may be there later, for nobody would ever remove it."""
    net = await things.net(cloud, cloud.ann)
    await cloud.make("port", things.port_of(net, "10.77.0.50"))
    wanted = things.port_of(net, ip)
    with pytest.raises(Refused):
        await cloud["port"].create(cloud.ann, wanted)
    assert await cloud["port"].find(cloud.ann, wanted) is None


async def test_only_a_shared_network_has_other_projects_ports(cloud: Subject) -> None:
    """Ports of others get in by sharing alone; then with the MAC and addresses that we chose, as everywhere."""
    net = await things.net(cloud, cloud.ann)
    wanted = things.port_of(net)
    with pytest.raises(Missing):
        await cloud["port"].create(cloud.ben, wanted)
    assert await cloud["port"].find(cloud.ben, wanted) is None
    await cloud["network"].apply(cloud.ann, net.network_id, Step("update", {"shared": True}))
    assert (await cloud["network"].observe(cloud.ben, net.network_id)).shared
    with pytest.raises((Refused, Missing)):
        await cloud["network"].apply(cloud.ben, net.network_id, Step("update", {"name": "ben's"}))
    made = await cloud.make("port", wanted, cloud.ben)
    assert (made.mac_address, made.fixed_ips) == (wanted.mac_address, wanted.fixed_ips)
    found = await cloud["port"].find(cloud.ben, wanted)
    assert found.remote_id == made.remote_id
    assert await cloud["port"].find(cloud.ann, wanted) is None, "it is ben's"
    moved = [{"subnet_id": net.subnet_id, "ip_address": "10.77.0.51"}]
    await cloud["port"].apply(cloud.ben, made.remote_id, Step("update", {"fixed_ips": moved}))
    seen = await cloud["port"].observe(cloud.ben, made.remote_id)
    assert seen.fixed_ips == [FixedIp(net.subnet_id, "10.77.0.51")]
    await cloud["port"].delete(cloud.ben, made.remote_id)
    await cloud.gone("port", made.remote_id, cloud.ben)
    await cloud["network"].apply(cloud.ann, net.network_id, Step("update", {"shared": False}))
    assert (await cloud["network"].observe(cloud.ann, net.network_id)).shared is False
    with pytest.raises(Missing):
        await cloud["port"].create(cloud.ben, wanted)


async def _let(cloud: Subject, kind: str, remote_id: str, verb: str) -> None:
    """Ben's project is let in, or no longer; doing it twice is the same as once."""
    step = Step(verb, {"project_id": cloud.ben.project_id})
    for _ in range(2):
        await cloud[kind].apply(cloud.ann, remote_id, step)


async def test_only_projects_that_are_let_in_have_ports_on_a_network(cloud: Subject) -> None:
    """What is shared by name is shared with nobody else, and with them only as long as it is said."""
    net = await things.net(cloud, cloud.ann)
    wanted = things.port_of(net)
    with pytest.raises(Missing):
        await cloud["port"].create(cloud.ben, wanted)
    await _let(cloud, "network", net.network_id, "admit")
    assert (await cloud["network"].observe(cloud.ann, net.network_id)).shared is False
    with pytest.raises((Refused, Missing)):
        await cloud["network"].apply(cloud.ben, net.network_id, Step("update", {"name": "ben's"}))
    made = await cloud.make("port", wanted, cloud.ben)
    assert (made.mac_address, made.fixed_ips) == (wanted.mac_address, wanted.fixed_ips)
    with pytest.raises(Refused) as refused:
        await _let(cloud, "network", net.network_id, "expel")
    assert refused.value.status == 409
    await cloud["port"].delete(cloud.ben, made.remote_id)
    await cloud.gone("port", made.remote_id, cloud.ben)
    await _let(cloud, "network", net.network_id, "expel")
    with pytest.raises(Missing):
        await cloud["port"].create(cloud.ben, wanted)


async def test_only_projects_that_are_let_in_have_a_group_on_their_ports(cloud: Subject) -> None:
    """The group of one project on the ports of another: whoever owns it decides what comes in there."""
    group = (await cloud.make("security_group", await things.security_group(cloud, cloud.ann))).remote_id
    net = await things.net(cloud, cloud.ben)
    wanted = things.port_of(net, security_groups=[group])
    with pytest.raises((Refused, Missing)):
        await cloud["port"].create(cloud.ben, wanted)
    await _let(cloud, "security_group", group, "admit")
    made = await cloud.make("port", wanted, cloud.ben)
    assert made.security_groups == [group]
    await cloud["port"].apply(cloud.ben, made.remote_id, Step("update", {"security_groups": []}))
    await _let(cloud, "security_group", group, "expel")


async def test_a_network_is_born_shared_and_its_maker_s(cloud: Subject) -> None:
    """Sharing takes an administrator's rights there; the network is the project's all the same."""
    wanted = msgspec.structs.replace(await things.network(cloud, cloud.ann), shared=True)
    made = await cloud.make("network", wanted)
    assert made.shared
    found = await cloud["network"].find(cloud.ann, wanted)
    assert found.remote_id == made.remote_id
    assert await cloud["network"].find(cloud.ben, wanted) is None
    await cloud.make("subnet", things.subnet_of(made.remote_id))


async def test_a_subnet_does_not_overlap_another_of_its_network(cloud: Subject) -> None:
    """Two servers would have one address."""
    net = await things.net(cloud, cloud.ann)
    wanted = msgspec.structs.replace(things.subnet_of(net.network_id), cidr="10.77.0.0/25", pools=[])
    with pytest.raises(Refused):
        await cloud["subnet"].create(cloud.ann, wanted)
    assert await cloud["subnet"].find(cloud.ann, wanted) is None


@pytest.mark.parametrize("field", ["image_id", "flavor_id", "key_name", "port_ids"])
async def test_a_refused_server_leaves_nothing(cloud: Subject, field: str) -> None:
    """What it names and is not there is said at once, by the name of a refusal, not by a server that never comes up."""
    unknown = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    wanted = await things.server(cloud, cloud.ann)
    wanted = msgspec.structs.replace(wanted, **{field: [unknown] if field == "port_ids" else unknown})
    with pytest.raises(Refused):
        await cloud["server"].create(cloud.ann, wanted)
    assert await cloud["server"].find(cloud.ann, wanted) is None


async def test_a_port_is_given_to_one_server_only(cloud: Subject) -> None:
    """Address and MAC of a port belong to one machine."""
    wanted = await things.server(cloud, cloud.ann)
    first = await cloud.make("server", wanted)
    await cloud.observed("server", first.remote_id, lambda seen: seen.status == "ACTIVE")
    second = msgspec.structs.replace(wanted, id="6ba7b811-9dad-11d1-80b4-00c04fd430c8")
    with pytest.raises(Refused):
        await cloud["server"].create(cloud.ann, second)
    assert await cloud["server"].find(cloud.ann, second) is None
