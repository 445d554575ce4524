"""The demo that the first `fractus up` makes: two simulated clouds and something to boot in them.

`seed` is the whole of it, and everything in it is made only where it is missing, so a start that was broken off goes on
where it stopped. After it has once come to its end it is not made again: what a user deletes stays deleted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from fractus.auth.calls import Caller
from fractus.local.keystone import ADMIN, DEMO, EmbeddedKeystone
from fractus.settings.loading import Settings


class Flavor(Struct, frozen=True):
    """A size of server: memory in MiB, disk in GiB."""

    name: str
    vcpus: int
    ram: int
    disk: int


#: DevStack's sizes, which examples all over the web use.
FLAVORS = (
    Flavor("m1.nano", 1, 128, 1),
    Flavor("m1.micro", 1, 256, 1),
    Flavor("m1.tiny", 1, 512, 1),
    Flavor("m1.small", 1, 2048, 20),
    Flavor("m1.medium", 2, 4096, 40),
    Flavor("m1.large", 4, 8192, 80),
)

#: name -> settings of the simulated driver. Each host has its default size: 64 vCPUs, 64 GiB.
CLOUDS: dict[str, dict[str, Any]] = {
    "sim-east": {"hosts": 4, "external": {"public": "203.0.113.0/24"}},
    "sim-west": {"hosts": 2, "external": {"public": "198.51.100.0/24"}},
}

IMAGE, NETWORK, SUBNET, CIDR = "cirros", "private", "private-subnet", "10.0.0.0/24"

#: Simulated clouds boot nothing, so the image need not hold a system; it must only be whole, and cost no time.
IMAGE_BYTES = b"An image for simulated clouds: there is no system in it.\n".ljust(1024 * 1024, b"\0")


def seeded(settings: Settings) -> bool:
    """Whether the demo was once made in this state directory."""
    return _stamp(settings).exists()


async def seed(settings: Settings, keystone: EmbeddedKeystone) -> None:
    """Make the demo: clouds in the store, the rest through our own API as any admin and user would. `CallFailed`."""
    await _add_clouds(settings)
    passwords = keystone.passwords()
    async with Caller(settings.api.tls_ca) as admin:
        await admin.log_in(keystone.url, ADMIN, passwords["admin"], ADMIN)
        await _add_flavors(admin, f"{settings.endpoint}/compute/v2.1")
        await _add_image(admin, f"{settings.endpoint}/image/v2")
    async with Caller(settings.api.tls_ca) as demo:
        await demo.log_in(keystone.url, DEMO, passwords["demo"], DEMO)
        await _add_network(demo, f"{settings.endpoint}/network/v2.0")
    _stamp(settings).touch()


async def _add_clouds(settings: Settings) -> None:
    # Imported here: it brings the whole of fractus, which a supervisor would hold in memory for nothing.
    from fractus.app.wiring import operator_parts
    from fractus.operations import adoption, cloud_rows
    from fractus.reconcile.adopt import adopt
    from fractus.store import clouds

    # What is in a simulated cloud outlives a restart, like what is in a real one.
    directory = settings.state_dir / "simulated"
    directory.mkdir(exist_ok=True)
    parts = await operator_parts(settings)
    try:
        present = {row.name for row in await clouds.every(parts.store)}
        for name, options in CLOUDS.items():
            if name not in present:
                await cloud_rows.add(
                    parts.store,
                    parts.vault,
                    name=name,
                    driver="simulated",
                    identity="shared",
                    settings={"weight": 1.0, "path": str(directory / f"{name}.sqlite"), **options},
                    auth={},
                )
        for name in CLOUDS:
            _, child = await adoption.child_of(parts, name)
            found = await adopt.survey(child, parts.adoptions)
            only = adoption.external_networks(found)
            await adopt.adopt(parts, found, adopt.IdentityMapping(), only=only)
    finally:
        await parts.close()


async def _add_flavors(admin: Caller, compute: str) -> None:
    present = {flavor["name"] for flavor in (await admin.call("GET", f"{compute}/flavors"))["flavors"]}
    for flavor in FLAVORS:
        if flavor.name not in present:
            body = {"name": flavor.name, "vcpus": flavor.vcpus, "ram": flavor.ram, "disk": flavor.disk}
            await admin.call("POST", f"{compute}/flavors", {"flavor": body})


async def _add_image(admin: Caller, image: str) -> None:
    found = (await admin.call("GET", f"{image}/images?name={IMAGE}"))["images"]
    if not found:
        body = {"name": IMAGE, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        found = [await admin.call("POST", f"{image}/images", body)]
    if found[0]["status"] == "queued":
        await admin.call("PUT", f"{image}/images/{found[0]['id']}/file", data=IMAGE_BYTES)


async def _add_network(demo: Caller, network: str) -> None:
    found = (await demo.call("GET", f"{network}/networks?name={NETWORK}"))["networks"]
    if not found:
        found = [(await demo.call("POST", f"{network}/networks", {"network": {"name": NETWORK}}))["network"]]
    if not found[0].get("subnets"):
        body = {"name": SUBNET, "network_id": found[0]["id"], "ip_version": 4, "cidr": CIDR}
        await demo.call("POST", f"{network}/subnets", {"subnet": body})


def _stamp(settings: Settings) -> Path:
    return settings.state_dir / "demo-made"
