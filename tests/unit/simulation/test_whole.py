"""`fractus simulate` as a person uses it: three clouds in a process of their own, a stock client, faults on request."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openstack
import pytest
import requests
import yaml

from fractus.base.clock import SystemClock
from fractus.local.processes import port_in_use
from fractus.local.seed import IMAGE_BYTES
from fractus.operations import cloud_rows
from fractus.reconcile.machine import Pace
from fractus.simulation.node import Node
from fractus.testing.asgi import call
from tools.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # The SDK warns of what it does itself, not of what it was asked.
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]

CLOUDS = 3


class Simulation:
    """The command, with a state directory and ports of its own."""

    def __init__(self, path: Path) -> None:
        self.state = path / "clouds"
        self.path = path
        self.port = next(base for base in iter(free_port, 0) if self._free(base))
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("FRACTUS_", "OS_"))},
            "FRACTUS_STATE": str(path / "state"),
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        self.process: subprocess.Popen[str] | None = None

    @staticmethod
    def _free(base: int) -> bool:
        ports = range(base + 1, base + CLOUDS + 1)
        return ports[-1] < 65536 and not any(port_in_use("127.0.0.1", port) for port in ports)

    def start(self, *flags: str) -> str:
        """Start it and return what it says once all clouds run."""
        argv = [sys.executable, "-m", "fractus", "simulate", "--state", str(self.state), *flags]
        self.process = subprocess.Popen(
            argv, env=self.environ, cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C" in line:
                return said
        raise AssertionError(said)

    def stop(self) -> str:
        """Ctrl-C."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        said, _ = self.process.communicate(timeout=200)
        assert self.process.returncode == 0, said
        return said

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`fractus simulate ...` beside it."""
        argv = [sys.executable, "-m", "fractus", "simulate", *arguments, "--state", str(self.state)]
        return subprocess.run(argv, env=self.environ, capture_output=True, text=True, timeout=200)

    def suffer(self, *clouds_and_fault: str) -> None:
        """Ask for a fault; it is so when this returns."""
        done = self.run("fault", *clouds_and_fault)
        assert done.returncode == 0, done.stdout + done.stderr

    def url(self, cloud: int) -> str:
        """Where a cloud's Keystone says which versions it has."""
        return f"http://127.0.0.1:{self.port + cloud}/identity/v3"

    def client(self, name: str) -> Any:
        """A stock client."""
        from openstack.config import OpenStackConfig

        files = [str(self.state / "clouds.yaml")]
        config = OpenStackConfig(config_files=files, secure_files=[], load_envvars=False)
        return openstack.connection.Connection(config=config.get_one(name))


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    made = Simulation(tmp_path_factory.mktemp("simulate"))
    flags = ("--clouds", str(CLOUDS), "--hosts", "10", "--latency", "none", "--port", str(made.port))
    made.said = made.start(*flags)  # type: ignore[attr-defined]
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


def boot(cloud: Any, name: str) -> Any:
    """A server, as a user of one cloud makes it, with all that it needs."""
    flavor = cloud.compute.create_flavor(name=f"{name}-flavor", vcpus=1, ram=512, disk=1)
    image = cloud.image.create_image(
        name=f"{name}-image", data=IMAGE_BYTES, disk_format="raw", container_format="bare", wait=True
    )
    network = cloud.network.create_network(name=f"{name}-net")
    cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.1.0.0/24")
    server = cloud.compute.create_server(
        name=name, flavor_id=flavor.id, image_id=image.id, networks=[{"uuid": network.id}]
    )
    return cloud.compute.wait_for_server(server, wait=200)


def test_each_is_a_cloud_of_its_own_to_stock_clients_and_stays_across_a_restart(
    simulation: Simulation,
) -> None:
    """Regions, passwords and servers are each cloud's own; what is said at the start is what works."""
    said = simulation.said  # type: ignore[attr-defined]
    assert f"export OS_CLIENT_CONFIG_FILE={simulation.state}/clouds.yaml\n" in said
    assert (simulation.state / "clouds.yaml").stat().st_mode & 0o077 == 0
    with simulation.client("sim-001") as first, simulation.client("sim-002") as second:
        server = boot(first, "one")
        assert server.status == "ACTIVE"
        assert server.compute_host
        assert [one.name for one in first.compute.servers()] == ["one"]
        assert list(second.compute.servers()) == []
        regions = {end["region"] for one in second.service_catalog for end in one["endpoints"]}
        assert regions == {"sim-002"}
    refused = simulation.run()
    assert refused.returncode == 1
    assert "run already" in refused.stderr
    assert "Stopped" in simulation.stop()
    simulation.start()
    with simulation.client("sim-001") as first:
        assert [one.id for one in first.compute.servers()] == [server.id]
        # It goes on being a cloud: its worker works, and its hosts answer.
        first.compute.stop_server(server.id)
        assert first.compute.wait_for_server(server, status="SHUTOFF", wait=200).status == "SHUTOFF"


def outcome(url: str, patience: float = 60.0) -> object:
    """Status of an answer, or the sort of failure; `patience`: seconds after which nothing is silence."""
    try:
        return requests.get(url, timeout=patience).status_code
    except requests.exceptions.ReadTimeout:
        return "silence"
    except requests.exceptions.ConnectionError as error:
        return "refused" if "refused" in str(error) else "cut"


@pytest.mark.parametrize(
    ("fault", "reported"),
    [
        ("hang", "silence"),
        ("refuse", "refused"),
        ("away", "cut"),
        ("error", 500),
        ("busy", 503),
        ("throttle", 429),
    ],
)
def test_a_fault_is_one_clouds_alone_and_ends(simulation: Simulation, fault: str, reported: object) -> None:
    """The others answer meanwhile."""
    simulation.suffer("sim-002", fault)
    patience = 1.0 if reported == "silence" else 60.0
    assert outcome(simulation.url(2), patience) == reported
    assert [outcome(simulation.url(cloud)) for cloud in (1, 3)] == [200, 200]
    simulation.suffer("sim-001..sim-003", "none")
    assert [outcome(simulation.url(cloud)) for cloud in (1, 2, 3)] == [200, 200, 200]


def test_a_cloud_that_hung_does_what_it_was_asked_when_it_is_well_again(simulation: Simulation) -> None:
    """It was frozen, not dead."""
    with simulation.client("sim-003") as cloud:
        cloud.authorize()
        simulation.suffer("sim-003", "hang")
        asked = threading.Thread(target=cloud.network.create_network, kwargs={"name": "late"})
        asked.start()
        assert outcome(simulation.url(3), 1.0) == "silence"
        simulation.suffer("all", "none")
        asked.join(timeout=200)
        assert [one.name for one in cloud.network.networks()] == ["late"]


def test_a_password_is_checked(simulation: Simulation) -> None:
    """Another cloud's is as good as none."""
    with simulation.client("sim-001") as first, simulation.client("sim-002") as second:
        wrong = {**first.config.config["auth"], "auth_url": second.config.config["auth"]["auth_url"]}
        with (
            pytest.raises(openstack.exceptions.SDKException, match="401"),
            openstack.connection.Connection(auth=wrong, region_name="sim-002") as stranger,
        ):
            stranger.authorize()


class Parent:
    """A fractus in this process, over the clouds of a simulation."""

    def __init__(self, path: Path, simulation: Simulation) -> None:
        self.node = Node(path / "parent", "parent", "http://parent", SystemClock())
        self.node.identity.found("secret")
        self.entries = yaml.safe_load((simulation.state / "clouds.yaml").read_text())["clouds"]
        self.token = ""

    async def __aenter__(self) -> Parent:
        self.node.open()
        for name, entry in self.entries.items():
            await cloud_rows.add(
                self.node.parts.store,
                self.node.parts.vault,
                name=name,
                driver="openstack",
                identity="own",
                settings={"weight": 1.0},
                auth=entry,
            )
        self.node.work(Pace(sweep=1.0, drain=2.0))
        identity = self.node.identity
        user = identity.log_in(next(iter(identity.users.values())), "secret")
        self.token, _ = identity.issue(user, identity.projects[user.default_project_id])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.node.close()

    async def call(self, method: str, path: str, body: Any = None, data: bytes = b"") -> Any:
        headers = {"X-Auth-Token": self.token}
        if data:
            headers["Content-Type"] = "application/octet-stream"
        elif body is not None:
            data = msgspec.json.encode(body)
        return (await call(self.node, method, f"http://parent{path}", headers=headers, body=data)).ok()

    async def prepare(self) -> None:
        """What a server is made of."""
        flavor = {"name": "small", "vcpus": 1, "ram": 512, "disk": 1}
        self.flavor = (await self.call("POST", "/compute/v2.1/flavors", {"flavor": flavor}))["flavor"]["id"]
        image = {"name": "image", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
        self.image = (await self.call("POST", "/image/v2/images", image))["id"]
        await self.call("PUT", f"/image/v2/images/{self.image}/file", data=IMAGE_BYTES)
        net = await self.call("POST", "/network/v2.0/networks", {"network": {"name": "net"}})
        self.net = net["network"]["id"]
        subnet = {"network_id": self.net, "ip_version": 4, "cidr": "10.2.0.0/24"}
        await self.call("POST", "/network/v2.0/subnets", {"subnet": subnet})

    async def boots(self, name: str, zone: str) -> str:
        """Ask for a server in a cloud."""
        body = {
            "name": name,
            "flavorRef": self.flavor,
            "imageRef": self.image,
            "networks": [{"uuid": self.net}],
            "availability_zone": zone,
        }
        return str((await self.call("POST", "/compute/v2.1/servers", {"server": body}))["server"]["id"])

    async def until_active(self, server: str) -> None:
        """The test's own limit ends it otherwise."""
        while (await self.call("GET", f"/compute/v2.1/servers/{server}"))["server"]["status"] != "ACTIVE":
            await asyncio.sleep(0.1)


async def test_a_parent_makes_servers_in_them(simulation: Simulation, tmp_path: Path) -> None:
    """With its markers, in a project of its own; in a cloud that hangs when that is well again, once."""
    async with Parent(tmp_path, simulation) as parent:
        await parent.prepare()
        await asyncio.to_thread(simulation.suffer, "sim-002", "hang")
        late = await parent.boots("late", "sim-002")
        soon = await parent.boots("soon", "sim-003")
        await parent.until_active(soon)
        await asyncio.to_thread(simulation.suffer, "sim-002", "none")
        await parent.until_active(late)
        project = next(iter(parent.node.identity.projects))

    def seen(cloud: str, name: str) -> list[Any]:
        with simulation.client(cloud) as client:
            wanted = client.identity.find_project(f"fractus-{project}").id
            found = client.compute.servers(all_projects=True)
            return [one.metadata for one in found if one.name == name and one.project_id == wanted]

    assert await asyncio.to_thread(seen, "sim-003", "soon") == [{"fractus_id": soon}]
    assert await asyncio.to_thread(seen, "sim-002", "late") == [{"fractus_id": late}]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fault", "sim-009", "hang"), "There are sim-001 to sim-003"),
        (("fault", "sim-001", "flood"), "'flood' is not one of"),
        (("--clouds", "4"), "were made with --clouds 3"),
        (("--latency", "quick"), "'quick' is not none, realistic or a number"),
        (("--port", "65534"), "choose one up to 65532"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(
    simulation: Simulation, arguments: tuple[str, ...], sentence: str
) -> None:
    """And changes nothing."""
    done = simulation.run(*arguments)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert outcome(simulation.url(1)) == 200
