"""Run in the client's namespace: what a user needs to make a server. Everything only where it is missing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fractus.auth.calls import Caller
from fractus.deploy import secret
from fractus.local.keystone_catalog import Catalog, User
from tools.lab.place import VIP, Place

IDENTITY, ENDPOINT = f"http://{VIP}:5000/v3", f"http://{VIP}:8780"
FLAVOR, IMAGE, NETWORK, CIDR = "m1.nano", "cirros", "private", "10.0.0.0/16"


async def fill(secrets: secret.Secrets, password: str) -> None:
    async with Caller() as admin:
        await admin.log_in(IDENTITY, "admin", secrets["keystone-admin"], "admin")
        user = User("lab", password, "lab", ("member", "reader"))
        await Catalog(admin, IDENTITY).fill([user], "lab", ENDPOINT)
        compute = f"{ENDPOINT}/compute/v2.1"
        if not (await admin.call("GET", f"{compute}/flavors"))["flavors"]:
            body = {"name": FLAVOR, "vcpus": 1, "ram": 128, "disk": 1}
            await admin.call("POST", f"{compute}/flavors", {"flavor": body})
        images = f"{ENDPOINT}/image/v2/images"
        if not (await admin.call("GET", f"{images}?name={IMAGE}"))["images"]:
            body = {"name": IMAGE, "disk_format": "raw", "container_format": "bare", "visibility": "public"}
            made = await admin.call("POST", images, body)
            await admin.call("PUT", f"{images}/{made['id']}/file", data=b"\0" * 65536)
    async with Caller() as user_calls:
        await user_calls.log_in(IDENTITY, "lab", password, "lab")
        network = f"{ENDPOINT}/network/v2.0"
        if not (await user_calls.call("GET", f"{network}/networks?name={NETWORK}"))["networks"]:
            made = await user_calls.call("POST", f"{network}/networks", {"network": {"name": NETWORK}})
            subnet = {"name": NETWORK, "network_id": made["network"]["id"], "ip_version": 4, "cidr": CIDR}
            await user_calls.call("POST", f"{network}/subnets", {"subnet": subnet})


def main() -> None:
    place = Place(Path(sys.argv[1]))
    secrets = secret.read(place.directory / "secrets.toml")
    assert secrets is not None
    asyncio.run(fill(secrets, place.user_password()))


if __name__ == "__main__":
    main()
