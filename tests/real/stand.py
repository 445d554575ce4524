"""The stand of `tools/real/run.sh`, as the tests of the walk use it: stock clients, and a look into the children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack.connection import Connection

needs_stand = pytest.mark.skipif(
    "FRACTUS_REAL_STAND" not in os.environ,
    reason="run by tools/real/run.sh, which stands up fractus and real clouds",
)


def connect(name: str) -> Connection:
    """Openstacksdk with the entry `name` of the stand: a tenant or the administrator of the one endpoint."""
    file = Path(os.environ["FRACTUS_REAL_STAND"], "clouds.yaml")
    return Connection(config=openstack.config.OpenStackConfig(config_files=[str(file)]).get_one(name))


def child(name: str) -> Connection:
    """Openstacksdk as the administrator of a child cloud itself."""
    file = os.environ["FRACTUS_REAL_CLOUDS_YAML"]
    return Connection(config=openstack.config.OpenStackConfig(config_files=[file]).get_one(f"{name}-admin"))


class Refused(Exception):
    """The client ended with an error; the message is what it said."""


def client(who: str, *words: str) -> str:
    """The stock `openstack` command; what it printed. `Refused` with its words where it failed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    environ["OS_CLIENT_CONFIG_FILE"] = str(Path(os.environ["FRACTUS_REAL_STAND"], "clouds.yaml"))
    environ["OS_CLOUD"] = who
    command = Path(sys.executable).with_name("openstack")
    done = subprocess.run([str(command), *words], env=environ, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Refused(done.stderr.strip())
    return done.stdout


def reported(who: str, *words: str) -> Any:
    """The same with `-f json`, decoded."""
    return json.loads(client(who, *words, "-f", "json"))


def _said(command: list[str]) -> str:
    """What a command printed; the test fails with all that it said where it did."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(
            f"{' '.join(command)} ended with {done.returncode} and said:\n{done.stdout}\n{done.stderr}"
        )
    return done.stdout


def fractus(*words: str) -> str:
    """The operator's command."""
    return _said([sys.executable, "-m", "fractus", *words])


def printed(script: Path, *words: str) -> Any:
    """What a script prints, as JSON, in the Python that has the real services installed."""
    return json.loads(_said([os.environ["REALCLOUD"], "python", str(script), *words]))


def realcloud(*words: str) -> None:
    """The tool that stands up the children, and breaks them."""
    # Another cloud may stand in east's place (tools/real/run.sh).
    names = {"east": os.environ.get("FRACTUS_REAL_EAST", "east")}
    _said([os.environ["REALCLOUD"], *(names.get(word, word) for word in words)])


def until(what: Callable[[], Any], *, seconds: float = 120, reason: str) -> Any:
    """Wait until `what` gives something true; the test fails with `reason` if it never does."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds:g} s: {reason}")
        time.sleep(1.0)


def mapped_projects(cloud: Connection, parent_id: str) -> list[str]:
    """Ids in a child of the project that a tenant's project is mapped to: the same, or made by us."""
    projects = cloud.identity.projects()
    return [one.id for one in projects if one.id == parent_id or one.name == f"fractus-{parent_id}"]


def left_in(name: str, parent_id: str) -> dict[str, list[str]]:
    """What a child holds of a tenant's project, but for what Neutron makes by itself (the default group)."""
    cloud = child(name)
    found: dict[str, list[str]] = {
        "servers": [],
        "ports": [],
        "networks": [],
        "subnets": [],
        "groups": [],
        "images": [],
    }
    for project in mapped_projects(cloud, parent_id):
        found["servers"] += [one.id for one in cloud.compute.servers(all_projects=True, project_id=project)]
        found["ports"] += [one.id for one in cloud.network.ports(project_id=project)]
        found["networks"] += [one.id for one in cloud.network.networks(project_id=project)]
        found["subnets"] += [one.id for one in cloud.network.subnets(project_id=project)]
        groups = cloud.network.security_groups(project_id=project)
        found["groups"] += [one.id for one in groups if one.name != "default"]
        found["images"] += [one.id for one in cloud.image.images(owner=project)]
    return {kind: ids for kind, ids in found.items() if ids}
