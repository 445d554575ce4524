"""The first command of a newcomer, whole: real Keystone, API and worker, simulated clouds, a stock client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from tools.ports import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    # The SDK warns of what it does itself, not of what it was asked.
    pytest.mark.filterwarnings("ignore::openstack.warnings._RemovedInSDKWarning"),
]

Fractus = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def fractus(tmp_path: Path) -> Iterator[Fractus]:
    """Runs the command as a user would, in a state directory and a home of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("FRACTUS_", "OS_"))}
    environ |= {
        "FRACTUS_STATE": str(tmp_path / "state"),
        "FRACTUS_WORK_METRICS_PORT": str(free_port()),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "fractus", *arguments]
        return subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=240)

    yield run
    run("down")


def client(clouds_yaml: Path, name: str) -> Any:
    from openstack.config import OpenStackConfig

    config = OpenStackConfig(config_files=[str(clouds_yaml)], secure_files=[], load_envvars=False)
    return openstack.connection.Connection(config=config.get_one(name))


def boot(demo: Any) -> Any:
    server = demo.compute.create_server(
        name="first",
        image_id=demo.image.find_image("cirros").id,
        flavor_id=demo.compute.find_flavor("m1.nano").id,
        networks=[{"uuid": demo.network.find_network("private").id}],
    )
    return demo.compute.wait_for_server(server, wait=200)


def test_a_newcomer_boots_a_server_and_finds_it_again_after_a_restart(
    tmp_path: Path, fractus: Fractus
) -> None:
    first = fractus("up", "--detach", "--port", str(free_port()), "--keystone-port", str(free_port()))
    assert first.returncode == 0, first.stdout + first.stderr
    assert "export OS_CLOUD=fractus\n" in first.stdout
    users_file = tmp_path / "config" / "openstack" / "clouds.yaml"
    with client(users_file, "fractus") as demo:
        assert {zone.name for zone in demo.compute.availability_zones()} == {"sim-east", "sim-west"}
        server = boot(demo)
        assert server.status == "ACTIVE"

    found = json.loads(fractus("status", "--json").stdout)
    assert (found["state"], [one["name"] for one in found["processes"]]) == (
        "running",
        ["supervisor", "keystone", "api", "worker"],
    )
    assert all(one["healthy"] is not False and one["memory"] > 0 for one in found["processes"])
    assert fractus("down").returncode == 0
    assert fractus("status").returncode == 3

    began = time.monotonic()
    second = fractus("up", "--detach")
    took = time.monotonic() - began
    assert second.returncode == 0, second.stdout + second.stderr
    assert took < 120, f"a second start takes seconds, this one {took:.0f}"
    with client(tmp_path / "state" / "clouds.yaml", "fractus-admin") as admin:
        # Made once: neither the demo nor the server is there twice.
        assert [one.id for one in admin.compute.servers(all_projects=True)] == [server.id]
        names = sorted(flavor.name for flavor in admin.compute.flavors())
        assert names == sorted(set(names))
        assert [image.name for image in admin.image.images()] == ["cirros"]
    assert "sim-east (simulated) answered" in fractus("status").stdout


def openstack_command(clouds_yaml: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The stock client's command."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    environ |= {"OS_CLIENT_CONFIG_FILE": str(clouds_yaml), "OS_CLOUD": name}
    argv = [sys.executable, "-m", "openstackclient.shell", *words]
    return subprocess.run(
        argv, env=environ, cwd=clouds_yaml.parent, capture_output=True, text=True, timeout=200
    )


def with_cinder_elsewhere(admin: Any) -> None:
    """As an operator's Keystone has it: block storage in another region, under all of its names."""
    admin.identity.create_region(id="elsewhere")
    types = {service.type: service.id for service in admin.identity.services()}
    for kind in ("block-storage", "volumev3", "volumev2", "volume"):
        service = types.get(kind) or admin.identity.create_service(type=kind, name=f"cinder {kind}").id
        url = f"http://127.0.0.1:1/{kind}"
        admin.identity.create_endpoint(service_id=service, interface="public", region_id="elsewhere", url=url)


def test_clients_that_look_at_block_storage_work_beside_a_cinder_in_another_region(
    tmp_path: Path, fractus: Fractus
) -> None:
    done = fractus("up", "--detach", "--port", str(free_port()), "--keystone-port", str(free_port()))
    assert done.returncode == 0, done.stdout + done.stderr
    clouds_yaml = tmp_path / "config" / "openstack" / "clouds.yaml"
    with client(clouds_yaml, "fractus-admin") as admin:
        with_cinder_elsewhere(admin)

    def reported(*words: str) -> Any:
        done = openstack_command(clouds_yaml, "fractus", *words, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    quotas = {row["Resource"]: row["Limit"] for row in reported("quota", "show")}
    assert (quotas["volumes"], quotas["gigabytes"], quotas["instances"]) == (10, 1000, 10)
    limits = {row["Name"]: row["Value"] for row in reported("limits", "show", "--absolute")}
    assert (limits["max_total_volumes"], limits["total_volumes_used"]) == (10, 0)
    zones = reported("availability", "zone", "list")
    assert {zone["Zone Name"] for zone in zones} == {"sim-east", "sim-west"}
    aliases = {extension["Alias"] for extension in reported("extension", "list")}
    assert {"os-quota-sets", "os-volume-transfer", "security-group"} <= aliases
    zones = reported("availability", "zone", "list", "--volume")
    assert {zone["Zone Name"] for zone in zones} == {"sim-east", "sim-west"}
    assert [one["Name"] for one in reported("volume", "type", "list")] == ["__DEFAULT__"]
    for words in (("volume", "list"), ("volume", "snapshot", "list"), ("volume", "backup", "list")):
        assert reported(*words) == [], words
    made = reported("volume", "create", "--size", "1", "mine")
    assert made["status"] == "creating"
    words = ("volume", "migrate", "--host", "other@lvm#pool", made["id"])
    refused = openstack_command(clouds_yaml, "fractus-admin", *words)
    assert refused.returncode == 1
    assert "fractus does not serve the action os-migrate_volume of POST" in refused.stderr
    missing = openstack_command(clouds_yaml, "fractus", "volume", "show", "none")
    assert missing.returncode == 1
    assert "No Volume found for none" in missing.stderr


def test_without_the_demo_there_is_an_endpoint_and_nothing_behind_it(
    tmp_path: Path, fractus: Fractus
) -> None:
    flags = ("--port", str(free_port()), "--keystone-port", str(free_port()))
    done = fractus("up", "--detach", "--no-demo", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "export OS_CLOUD=fractus-admin\n" in done.stdout
    with client(tmp_path / "config" / "openstack" / "clouds.yaml", "fractus-admin") as admin:
        assert list(admin.compute.availability_zones()) == []
        assert list(admin.compute.flavors()) == []
        assert sorted(user.name for user in admin.identity.users()) == ["admin", "fractus"]
