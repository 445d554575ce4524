"""Guests that run in the children, reached as their user reaches them. `tools/guests/run.sh` stands everything up.

A guest is made through the one endpoint. Its address is answered in the child: from the namespace of its network's DHCP
server (`Guest.run`, which needs no router), or, with an address of the external network, from the internet (`outside`).
"""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from tests.real.stand import child, until

ZONES = os.environ.get("FRACTUS_GUESTS_CLOUDS", "gone,gtwo").split(",")
IMAGE = Path(os.environ.get("GUEST_IMAGE_DIR", "/var/tmp/fractus-guest"), "guest.qcow2")
# Emulated guests on a machine with other work: generous, for a wait ends as soon as what is waited for is there.
BOOT = 420.0
SOON = 300.0


def realcloud(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """The tool that stands up the children; a program in a site or on the internet (`inside`, `internet`)."""
    return subprocess.run([os.environ["REALCLOUD"], *words], capture_output=True, text=True, timeout=timeout)


def inside(zone: str, *words: str) -> str:
    """What a program prints that runs in the site of a child."""
    done = realcloud("inside", zone, *words)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Key:
    """A key pair as ssh uses it."""

    private: Path
    public: str

    def ssh(self, address: str, command: str, *, user: str = "root") -> list[str]:
        """The command line that runs a command there, without knowing the host's key."""
        options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ConnectTimeout=20",
            "BatchMode=yes",
        ]
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", "-q", "-i", str(self.private), *words, f"{user}@{address}", command]


class Unreached(Exception):
    """The guest did not answer."""


@dataclass
class Guest:
    """A server made through the one endpoint, and the guest in it."""

    cloud: Connection
    key: Key
    id: str
    zone: str

    @property
    def server(self) -> Any:
        """What our API says of it now."""
        return self.cloud.compute.get_server(self.id)

    @cached_property
    def port(self) -> Any:
        """What our API says of its one port."""
        (port,) = self.cloud.network.ports(device_id=self.id)
        return port

    @cached_property
    def there(self) -> Any:
        """The server in the child."""
        found = child(self.zone).compute.servers(all_projects=True)
        (mine,) = [one for one in found if one.metadata.get("fractus_id") == self.id]
        return mine

    @cached_property
    def network_there(self) -> str:
        """The id of its network in the child."""
        (port,) = child(self.zone).network.ports(device_id=self.there.id)
        return str(port.network_id)

    @cached_property
    def address(self) -> str:
        """Its IPv4 address, as our API says it."""
        return next(str(ip["ip_address"]) for ip in self.port.fixed_ips if "." in ip["ip_address"])

    def console(self) -> str:
        """Its console log through our endpoint."""
        return str(self.cloud.compute.get_server_console_output(self.id)["output"] or "")

    def wait(self, status: str = "ACTIVE") -> None:
        """Until our API shows a status."""

        def reached() -> bool:
            now = self.server
            if now.status == "ERROR" != status:
                pytest.fail(f"{now.name} is in ERROR: {now.fault}")
            return now.status == status and now.task_state is None

        until(reached, seconds=BOOT, reason=f"{self.id} {status}")

    def wait_ready(self, boots: int = 1) -> None:
        """Until its console log says that it has booted so often."""
        wanted = "guest: ready:"
        until(
            lambda: self.console().count(wanted) >= boots,
            seconds=BOOT,
            reason=f"{self.id} ready; its console said:\n{self.console()[-1500:]}",
        )

    def from_its_network(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace of its network's DHCP server."""
        namespace = f"qdhcp-{self.network_there}"
        return realcloud("inside", self.zone, "ip", "netns", "exec", namespace, *words, timeout=timeout)

    def run(self, command: str) -> str:
        """What a command prints in the guest; `Unreached` if it does not answer, a failed test if it fails."""
        done = self.from_its_network(*self.key.ssh(self.address, command))
        if done.returncode == 255:
            raise Unreached(done.stderr)
        assert done.returncode == 0, f"{command}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout

    def reached(self) -> bool:
        """Whether it can be logged in to."""
        try:
            return self.run("true") == ""
        except Unreached:
            return False

    def pings(self, address: str) -> bool:
        """Whether an address answers it, asked three times."""
        try:
            return "ok" in self.run(f"ping -c 3 -W 2 {address} >/dev/null && echo ok || echo no")
        except Unreached:
            return False

    def outside(self, address: str, command: str) -> str:
        """What a command prints that a user on the internet runs in it at an external address."""
        done = realcloud("internet", self.zone, *self.key.ssh(address, command))
        if done.returncode == 255:
            raise Unreached(done.stderr)
        return done.stdout

    def boot_id(self) -> str:
        """What is another at each boot."""
        return self.run("cat /proc/sys/kernel/random/boot_id").strip()


def boot(cloud: Connection, key: Key, zone: str, name: str, **more: Any) -> Guest:
    """Ask for a guest with the image and flavor of the tests; it is not waited for."""
    data = more.pop("user_data", None)
    if data is not None:
        more["user_data"] = base64.b64encode(data.encode()).decode()
    server = cloud.compute.create_server(
        name=name,
        image_id=cloud.image.find_image("guest").id,
        flavor_id=cloud.compute.find_flavor("guest.micro").id,
        key_name="guests",
        availability_zone=zone,
        **more,
    )
    return Guest(cloud, key, server.id, zone)


def left_behind(zone: str) -> dict[str, list[str]]:
    """What runs or lies in the site of a child for guests and their networks; empty when it is as it was new."""
    domains = inside(zone, "virsh", "-c", "qemu:///system", "list", "--all", "--name").split()
    ports = inside(zone, "ovs-vsctl", "list-ports", "br-int").split()
    spaces = [line.split()[0] for line in inside(zone, "ip", "netns").splitlines()]
    home = Path(os.environ["FRACTUS_REAL_CLOUDS_YAML"]).parent
    (instances,) = home.glob(f"clouds/{zone}/state/*/instances")
    files = [path.name for path in instances.iterdir() if len(path.name) == 36]
    found = {
        "domains": domains,
        "taps": [name for name in ports if name.startswith("tap")],
        "namespaces": spaces,
        "instances": files,
    }
    return {kind: names for kind, names in found.items() if names}
