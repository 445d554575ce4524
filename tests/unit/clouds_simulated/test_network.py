"""What Neutron keeps unique, and what it does not release."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fractus.base.ids import new_id, new_mac
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused
from fractus.model.network import FixedIp, NetworkWanted, PortWanted, SecurityGroupWanted, SubnetWanted
from tests.unit.clouds_simulated.conftest import ANN, BEN, Place


async def test_dhcp_takes_the_first_address_of_the_pool(place: Place) -> None:
    pools = [{"start": "10.0.0.2", "end": "10.0.0.3"}]
    net = await place.network(gateway_ip="10.0.0.1", pools=pools)
    dhcp = list(place.backend.ports.values())
    assert [(port.device_owner, port.fixed_ips[0].ip_address, port.marker) for port in dhcp] == [
        ("network:dhcp", "10.0.0.2", "")
    ]
    with pytest.raises(Refused, match=r"IP address 10\.0\.0\.2 already allocated in subnet"):
        await place.port(net, "10.0.0.2")
    await place["subnet"].apply(ANN, net[1], Step("update", {"enable_dhcp": False}))
    assert not place.backend.ports
    await place.port(net, "10.0.0.2")


async def test_two_projects_may_have_the_same_addresses(place: Place) -> None:
    await place.port(await place.network(ANN), "10.0.0.9", ANN)
    await place.port(await place.network(BEN), "10.0.0.9", BEN)


def _port(net: tuple[str, str], ip: str, mac: str = "") -> PortWanted:
    return PortWanted(
        id=new_id(), network_id=net[0], mac_address=mac or new_mac(), fixed_ips=[FixedIp(net[1], ip)]
    )


async def _address_taken(place: Place, net: tuple[str, str]) -> Any:
    await place["port"].create(ANN, _port(net, "10.0.0.9"))
    await place["port"].create(ANN, _port(net, "10.0.0.9"))


async def _address_outside(place: Place, net: tuple[str, str]) -> Any:
    await place["port"].create(ANN, _port(net, "10.0.1.9"))


async def _broadcast_address(place: Place, net: tuple[str, str]) -> Any:
    await place["port"].create(ANN, _port(net, "10.0.0.255"))


async def _mac_taken(place: Place, net: tuple[str, str]) -> Any:
    await place["port"].create(ANN, _port(net, "10.0.0.9", "fa:16:3e:00:00:01"))
    await place["port"].create(ANN, _port(net, "10.0.0.10", "FA:16:3E:00:00:01"))


async def _cidr_overlaps(place: Place, net: tuple[str, str]) -> Any:
    await place["subnet"].create(ANN, SubnetWanted(id=new_id(), network_id=net[0], cidr="10.0.0.128/25"))


async def _gateway_in_pool(place: Place, net: tuple[str, str]) -> Any:
    wanted = SubnetWanted(
        id=new_id(),
        network_id=net[0],
        cidr="10.9.0.0/24",
        gateway_ip="10.9.0.1",
        pools=[{"start": "10.9.0.1", "end": "10.9.0.9"}],
    )
    await place["subnet"].create(ANN, wanted)


async def _network_in_use(place: Place, net: tuple[str, str]) -> Any:
    await place.port(net, "10.0.0.9")
    await place["network"].delete(ANN, net[0])


async def _subnet_in_use(place: Place, net: tuple[str, str]) -> Any:
    await place.port(net, "10.0.0.9")
    await place["subnet"].delete(ANN, net[1])


async def _group_in_use(place: Place, net: tuple[str, str]) -> Any:
    group = await place["security_group"].create(ANN, SecurityGroupWanted(id=new_id(), name="web"))
    await place.port(net, "10.0.0.9", security_groups=[group.remote_id])
    await place["security_group"].delete(ANN, group.remote_id)


async def _unknown_attribute(place: Place, net: tuple[str, str]) -> Any:
    await place["network"].apply(ANN, net[0], Step("update", {"colour": "red"}))


async def _quota(place: Place, net: tuple[str, str]) -> Any:
    place.backend.limit("p-ann", "network", 1)
    await place["network"].create(ANN, NetworkWanted(id=new_id()))


@pytest.mark.parametrize(
    ("attempt", "status", "sentence"),
    [
        (_address_taken, 409, r"IP address 10\.0\.0\.9 already allocated in subnet"),
        (_address_outside, 400, r"IP address 10\.0\.1\.9 is not a valid IP for the specified subnet\."),
        (_broadcast_address, 400, r"IP address 10\.0\.0\.255 is not a valid IP for the specified subnet\."),
        (_mac_taken, 409, "The mac address FA:16:3E:00:00:01 is in use"),
        (_cidr_overlaps, 400, "overlaps with another subnet"),
        (
            _gateway_in_pool,
            409,
            r"Gateway ip 10\.9\.0\.1 conflicts with allocation pool 10\.9\.0\.1-10\.9\.0\.9",
        ),
        (_network_in_use, 409, "There are one or more ports still in use on the network"),
        (_subnet_in_use, 409, "One or more ports have an IP allocation from this subnet"),
        (_group_in_use, 409, r"Security Group .* in use\."),
        (_unknown_attribute, 400, "Attribute 'colour' not allowed in PUT"),
        (_quota, 409, r"Quota exceeded for resources: \['network'\]\."),
    ],
)
async def test_what_neutron_refuses(
    place: Place, attempt: Callable[[Place, tuple[str, str]], Awaitable[Any]], status: int, sentence: str
) -> None:
    net = await place.network(enable_dhcp=False)
    with pytest.raises(Refused, match=sentence) as refused:
        await attempt(place, net)
    assert refused.value.status == status
    assert refused.value.elsewhere == (attempt is _quota)


async def test_a_network_goes_with_what_the_cloud_itself_put_on_it(place: Place) -> None:
    net = await place.network()
    assert place.backend.ports
    await place["network"].delete(ANN, net[0])
    assert not place.backend.ports
    assert not place.backend.subnets


async def test_a_member_does_not_see_other_projects(place: Place) -> None:
    net = await place.network(ANN)
    for attempt in (
        place["network"].observe(BEN, net[0]),
        place["network"].delete(BEN, net[0]),
        place["port"].create(BEN, _port(net, "10.0.0.9")),
    ):
        with pytest.raises(Missing):
            await attempt


async def test_on_a_shared_network_others_may_have_ports(place: Place) -> None:
    net = await place.network(ANN)
    await place["network"].apply(ANN, net[0], Step("update", {"shared": True}))
    await place["port"].create(BEN, _port(net, "10.0.0.9"))


async def test_rules_that_name_a_group_go_with_it(place: Place) -> None:
    groups = place["security_group"]
    web = await groups.create(ANN, SecurityGroupWanted(id=new_id(), name="web"))
    db = await groups.create(ANN, SecurityGroupWanted(id=new_id(), name="db"))
    rule = {"direction": "ingress", "remote_group_id": web.remote_id}
    await groups.apply(ANN, db.remote_id, Step("add_rule", rule))
    await groups.apply(
        ANN, db.remote_id, Step("add_rule", {"direction": "ingress", "remote_group_id": db.remote_id})
    )
    seen = await groups.observe(ANN, db.remote_id)
    assert [one.remote_group_id for one in seen.rules] == [None, None, web.remote_id, "self"]
    await groups.delete(ANN, web.remote_id)
    seen = await groups.observe(ANN, db.remote_id)
    assert [one.remote_group_id for one in seen.rules] == [None, None, "self"]
