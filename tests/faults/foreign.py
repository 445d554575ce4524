"""What is there before tenants come: others' things in each child, which nobody may touch, and what all may use."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from fractus.model.volumes import DEFAULT_TYPE
from tests.faults import declared, truth
from tests.faults.checker import marker_of
from tests.faults.stage import Child
from tests.faults.tenants import BITS, COMPUTE, IMAGE, KEY, NETWORK, Endpoint

_OUTSIDE = f"{NETWORK}/networks?router:external=true"

#: Seconds for a child's own server to come up.
_WITHIN = 90.0


async def put(child: Child) -> truth.Documents:
    """Make one thing of each kind in a child, as its own users would; how they are shown there."""
    token = await child.identity.token("fractus", "service")
    async with aiohttp.ClientSession() as session:

        async def make(path: str, body: Any) -> Any:
            version = "volume 3.71" if path.startswith("/volume/") else "compute 2.79"
            headers = {"X-Auth-Token": token, "OpenStack-API-Version": version}
            async with session.post(child.url + path, json=body, headers=headers) as answer:
                assert answer.status < 300, (path, answer.status, await answer.text())
                return await answer.json()

        network = (await make(f"{NETWORK}/networks", {"network": {"name": "theirs"}}))["network"]["id"]
        subnet = {"network_id": network, "ip_version": 4, "cidr": "192.168.7.0/24", "name": "theirs"}
        ids = {"network": network}
        for kind, path, body in (
            ("subnet", "subnets", subnet),
            ("port", "ports", {"network_id": network, "name": "theirs"}),
            ("security_group", "security-groups", {"name": "theirs"}),
        ):
            ids[kind] = (await make(f"{NETWORK}/{path}", {kind: body}))[kind]["id"]
        ids["group"] = ids["security_group"]
        external = await truth.listed(child.url, token, {"network": (_OUTSIDE, "networks")})
        ids |= {"external network": external["network"][0]["id"], "volume type": DEFAULT_TYPE}
        for name, declaration in declared.KINDS.items():
            asked = declared.body_of(name, "theirs", ids.__getitem__)
            # What clouds do not have is not theirs but ours.
            if asked is not None and (name not in declared.STORED or declaration.vocabulary is not None):
                made = await make(declared.ROOTS[name], {declaration.key: asked})
                ids[name] = made[declaration.key]["id"]
                if name in declared.STORED:
                    await _usable(child, token, name)
        await make(f"{COMPUTE}/os-keypairs", {"keypair": {"name": "theirs", "public_key": KEY}})
        flavor = await make(
            f"{COMPUTE}/flavors", {"flavor": {"name": "theirs", "vcpus": 1, "ram": 64, "disk": 1}}
        )
        image = await make(
            f"{IMAGE}/images", {"name": "theirs", "disk_format": "raw", "container_format": "bare"}
        )
        headers = {"X-Auth-Token": token, "Content-Type": "application/octet-stream"}
        async with session.put(
            f"{child.url}{IMAGE}/images/{image['id']}/file", data=BITS, headers=headers
        ) as answer:
            assert answer.status == 204, answer.status
        server = {
            "name": "theirs",
            "flavorRef": flavor["flavor"]["id"],
            "imageRef": image["id"],
            "networks": [{"uuid": network}],
        }
        await make(f"{COMPUTE}/servers", {"server": server})
        return await _at_rest(child)


async def _usable(child: Child, token: str, kind: str) -> None:
    """Wait until everything of this kind is: nothing can be made of a volume that is being made."""
    path = f"{declared.ROOTS[kind]}/detail?all_tenants=1"
    for _ in range(int(_WITHIN)):
        found = await truth.listed(child.url, token, {kind: (path, declared.KINDS[kind].collection)})
        if all(one["status"] == "available" for one in found[kind]):
            return
        await asyncio.sleep(1.0)
    raise TimeoutError(f"a {kind} of {child.name}'s own does not come to be")


async def _at_rest(child: Child) -> truth.Documents:
    """What is there and not ours, once it changes no more."""
    before: truth.Documents | None = None
    for _ in range(int(_WITHIN)):
        await asyncio.sleep(1.0)
        found = await truth.of_child(child)
        theirs = {kind: [one for one in items if not marker_of(kind, one)] for kind, items in found.items()}
        still = all(
            one["status"] == "ACTIVE"
            for one in [*theirs["server"], *theirs["port"]]
            # Ports of floating IPs and gateways have no state that would come.
            if one.get("device_id", 1) and not one.get("device_owner", "").startswith("network:")
        )
        if still and theirs == before:
            return theirs
        before = theirs
    raise TimeoutError(f"what is {child.name}'s own does not come to rest")


async def fixtures(endpoint: Endpoint, token: str) -> dict[str, str]:
    """A flavor, an image and a shared network that every tenant may use; ids by name, of all that came with them."""

    async def make(path: str, body: Any) -> Any:
        reply = await endpoint.call("POST", path, token, body)
        assert reply.status < 300, (path, reply.status, reply.body)
        return reply.body

    made = {}
    for number, name in enumerate(["flavor", "flavor 0", "flavor 1", "flavor 2"]):
        body = {"name": name, "vcpus": 1, "ram": 128 + number, "disk": 1}
        made[name] = (await make(f"{COMPUTE}/flavors", {"flavor": body}))["flavor"]["id"]
    body = {"name": "everybody's", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    made["image"] = (await make(f"{IMAGE}/images", body))["id"]
    reply = await endpoint.call("PUT", f"{IMAGE}/images/{made['image']}/file", token, data=BITS)
    assert reply.status == 204, reply
    network = {"name": "everybody's", "shared": True}
    made["network"] = (await make(f"{NETWORK}/networks", {"network": network}))["network"]["id"]
    subnet = {"network_id": made["network"], "ip_version": 4, "cidr": "10.250.0.0/16", "name": "everybody's"}
    made["subnet"] = (await make(f"{NETWORK}/subnets", {"subnet": subnet}))["subnet"]["id"]
    external = (await endpoint.call("GET", _OUTSIDE, token)).body["networks"]
    made["external network"] = external[0]["id"]
    made |= {f"external subnet {id}": id for id in external[0]["subnets"]}
    made["volume type"] = DEFAULT_TYPE
    return made
