"""What is looked for in long lists: the same that comparing each with each would find."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import MOST
from fractus.services.network.ports import schema
from tests.unit.services.network.conftest import Tenant, error

_json = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "1", 1.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(_json, max_size=8))
def test_what_stands_there_before_already(items: list[Any]) -> None:
    assert values.repeated(items) == [item for index, item in enumerate(items) if item in items[:index]]


def _compared(
    old: list[dict[str, str]], asked: list[dict[str, str]], auto: set[str]
) -> tuple[list[Any], list[Any], list[Any]]:
    left, keep, add = list(old), [], []
    for name in ("ip_address", "subnet_id"):
        for one in asked:
            if name not in one or (name == "subnet_id" and "ip_address" in one):
                continue
            same = next((has for has in left if has[name] == one[name]), None)
            if same is None:
                add.append(one)
            else:
                left = [has for has in left if has is not same]
                keep.append(same)
    return (
        [*keep, *(has for has in left if has["subnet_id"] in auto)],
        add,
        [has for has in left if has["subnet_id"] not in auto],
    )


_ip, _subnet = st.sampled_from("1234"), st.sampled_from("abc")
_held = st.fixed_dictionaries({"ip_address": _ip, "subnet_id": _subnet})
_asked = st.one_of(
    _held, st.fixed_dictionaries({"ip_address": _ip}), st.fixed_dictionaries({"subnet_id": _subnet})
)


@given(st.lists(_held, max_size=6), st.lists(_asked, max_size=6), st.sets(_subnet))
def test_what_becomes_of_addresses(
    old: list[dict[str, str]], asked: list[dict[str, str]], auto: set[str]
) -> None:
    change = schema.change(old, asked, auto)
    assert (change.keep, change.add, change.drop) == _compared(old, asked, auto)


@pytest.mark.parametrize("number", [51, 18_000])
async def test_tags_are_counted_before_they_are_compared(ann: Tenant, bob: Tenant, number: int) -> None:
    net, _ = await ann.network()
    body = {"tags": [f"t{one}" for one in range(number)]}
    for method in ("PUT", "POST"):
        assert error(await ann.raw(method, f"networks/{net}/tags", body)) == (
            400, "BadRequest", "Bad networks request: The number of tags exceed the per-resource limit of 50.",
        )  # fmt: skip
        assert (await bob.raw(method, f"networks/{net}/tags", body)).status == 404
    assert await ann.show("network", net) | {"tags": []} == await ann.show("network", net)


MANY = [
    (
        "dns_nameservers", [f"10.1.{one >> 8}.{one & 255}" for one in range(14_000)], "DNSNameServersExhausted",
        "Unable to complete operation for {}. The number of DNS nameservers exceeds the limit 5.",
    ),
    (
        "host_routes",
        [{"destination": f"10.{one >> 8}.{one & 255}.0/24", "nexthop": "10.0.0.9"} for one in range(6000)],
        "HostRoutesExhausted",
        "Unable to complete operation for {}. The number of host routes exceeds the limit 20.",
    ),
    (
        "allocation_pools", [{"start": f"10.0.{one >> 8}.{one & 255}"} | {"end": "10.0.0.1"} for one in range(4000)],
        "HTTPBadRequest", "Invalid input for allocation_pools. Reason: more than 256 items are not allowed.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "type", "sentence"), MANY)
async def test_lists_of_subnets_are_counted_first(
    ann: Tenant, name: str, given: list[Any], type: str, sentence: str
) -> None:
    net, (subnet,) = await ann.network("10.0.0.0/16")
    reply = await ann.ask("subnet", network_id=net, cidr="10.9.0.0/16", ip_version=4, **{name: given})
    assert error(reply) == (400, type, sentence.format("new subnet"))
    assert error(await ann.change("subnet", subnet, **{name: given})) == (400, type, sentence.format(subnet))


async def test_many_pools_that_fit_are_taken(ann: Tenant) -> None:
    net, _ = await ann.network()
    pools = [{"start": f"fd00::{one:x}", "end": f"fd00::{one:x}"} for one in range(0x100, 0x1FF)]
    pools.append({"start": "fd00::200", "end": "fd00::2ff"})
    body = {"network_id": net, "cidr": "fd00::/64", "ip_version": 6, "enable_dhcp": False}
    made = await ann.create("subnet", **body, allocation_pools=pools)
    assert made["allocation_pools"] == pools
    again = {**body, "cidr": "fd01::/64"}
    twice = [
        {"start": one["start"].replace("fd00", "fd01"), "end": one["end"].replace("fd00", "fd01")}
        for one in pools
    ]
    twice[7] = {"start": "fd01::1fe", "end": "fd01::1fe"}
    assert error(await ann.ask("subnet", **again, allocation_pools=twice)) == (
        409, "OverlappingAllocationPools",
        "Found overlapping allocation pools: fd01::1fe-fd01::1fe fd01::1fe-fd01::1fe for subnet fd01::/64.",
    )  # fmt: skip


async def test_what_a_port_has_too_many_of(ann: Tenant) -> None:
    net, _ = await ann.network("10.0.0.0/16")
    options = [{"opt_name": f"o{one}", "opt_value": "1"} for one in range(6000)]
    reply = await ann.ask("port", network_id=net, extra_dhcp_opts=options)
    sentence = "Invalid input for {}. Reason: more than 256 items are not allowed."
    assert error(reply) == (400, "HTTPBadRequest", sentence.format("extra_dhcp_opts"))
    reply = await ann.ask("port", network_id=net, extra_dhcp_opts=options[:256])
    assert len(reply.ok()["port"]["extra_dhcp_opts"]) == 256
    pairs = [{"ip_address": f"10.1.0.{one}"} for one in range(11)]
    assert error(await ann.ask("port", network_id=net, allowed_address_pairs=pairs)) == (
        400, "AllowedAddressPairExhausted", "The number of allowed address pair exceeds the maximum 10.",
    )  # fmt: skip
    reply = await ann.raw("POST", "ports", {"ports": [{"network_id": net}] * 257})
    assert error(reply) == (400, "HTTPBadRequest", sentence.format("ports"))


async def test_zones_are_hinted_at_in_as_many_characters_as_neutron_keeps(ann: Tenant) -> None:
    too_many = (
        400,
        "InvalidInput",
        "Invalid input for operation: Too many availability_zone_hints specified.",
    )
    for hints in ([f"z{one}" for one in range(3000)], ["x" * 120, "y" * 130]):
        assert error(await ann.ask("network", name="net", availability_zone_hints=hints)) == too_many


async def test_more_tags_than_anything_has_are_not_looked_for_in_each_row(ann: Tenant) -> None:
    tags = [f"t{number:x}" for number in range(MOST)]
    await ann.create("network", name="all", tags=tags)
    await ann.create("network", name="none")
    for more, found in ([], ["all"]), (["x"], []):
        asked = ",".join([*tags, *more, "t0"])
        assert [one["name"] for one in await ann.listed("networks", tags=asked)] == found
        others = sorted({"all", "none"} - set(found))
        assert sorted(one["name"] for one in await ann.listed("networks", **{"not-tags": asked})) == others
