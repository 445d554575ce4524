"""The administrators of the children change things there with their own tools: seen within a sweep, and dealt with."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from fractus.clouds.openstack import marks
from tests.real.stand import Refused, child, client, connect, fractus, needs_stand, until

pytestmark = [pytest.mark.real, needs_stand]

#: A sweep interval and the work that follows, on a machine that is busy with two clouds. Seconds.
SOON = 60.0

#: Of a name that no cloud has, whatever was taken over from one before.
FLAVOR = f"behind.{uuid.uuid4().hex[:8]}"

zones = pytest.mark.parametrize("zone", ["east", "west"])


@pytest.fixture(scope="module", autouse=True)
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server in each zone, on one network."""
    bits = tmp_path_factory.mktemp("behind") / "bits.img"
    bits.write_bytes(b"\0" * 4096)
    client("root", "flavor", "create", "--ram", "64", "--disk", "1", "--vcpus", "1", FLAVOR)
    kind = ["--disk-format", "raw", "--container-format", "bare"]
    client("ann", "image", "create", "--file", str(bits), *kind, "behind-image")
    client("ann", "network", "create", "behind-net")
    client(
        "ann", "subnet", "create", "--network", "behind-net", "--subnet-range", "10.63.0.0/24", "behind-sub"
    )
    for zone in ("east", "west"):
        words = ["--image", "behind-image", "--flavor", FLAVOR, "--network", "behind-net", "--wait"]
        client("ann", "server", "create", *words, "--availability-zone", zone, f"behind-{zone}")
    yield
    for zone in ("east", "west"):
        for name in (f"behind-{zone}", f"theirs-{zone}"):
            try:
                client("ann", "server", "delete", "--wait", name)
            except Refused:
                continue
    client("ann", "network", "delete", "behind-net")
    client("ann", "image", "delete", "behind-image")
    client("root", "flavor", "delete", FLAVOR)


def seen_by(who: str, path: str, version: str = "") -> Any:
    """A document as a tenant gets it from the one endpoint."""
    if who not in _USERS:
        _USERS[who] = connect(who)
    service = _USERS[who].compute if path.startswith("/servers") else _USERS[who].network
    return service.get(path, microversion=version or None).json()


_USERS: dict[str, Connection] = {}


def shown(zone: str) -> dict[str, Any]:
    """The server of a zone, as its user sees it."""
    every = seen_by("ann", "/servers/detail", "2.90")["servers"]
    (found,) = [one for one in every if one["name"] in (f"behind-{zone}", f"theirs-{zone}")]
    assert isinstance(found, dict)
    return found


def admin(zone: str) -> Connection:
    """The administrator of a child, logged in once."""
    if zone not in _ADMINS:
        _ADMINS[zone] = child(zone)
    return _ADMINS[zone]


_ADMINS: dict[str, Connection] = {}


def there(zone: str) -> Any:
    """The same in its child, as an administrator there sees it."""
    id = shown(zone)["id"]
    cloud = admin(zone).compute
    return next(one for one in cloud.servers(all_projects=True) if one.metadata.get("fractus_id") == id)


def drift(zone: str, kind: str, id: str) -> list[dict[str, Any]]:
    """What is reported about one of our things in a cloud."""
    every = json.loads(fractus("drift", "list", "--cloud", zone, "--kind", kind, "--json"))
    return [one for one in every if one["resource_id"] == id]


def only(zone: str, kind: str, id: str) -> dict[str, Any]:
    found = until(lambda: drift(zone, kind, id), seconds=SOON, reason=f"{kind} is reported")
    (one,) = found
    assert isinstance(one, dict)
    return one


def fields(one: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["wanted"], each["found"]) for each in one["differences"]}


def say(words: str) -> None:
    """For whoever runs it with -s: how long it took."""
    print(f"  {words}")


@zones
def test_a_server_that_is_renamed_there_is_shown_so_and_named_back(zone: str) -> None:
    server = shown(zone)
    began = time.monotonic()
    admin(zone).compute.update_server(there(zone).id, name=f"theirs-{zone}")
    until(lambda: shown(zone)["name"] == f"theirs-{zone}", seconds=SOON, reason="its new name is shown")
    say(f"{zone}: renamed, seen after {time.monotonic() - began:.1f} s")
    one = only(zone, "server", server["id"])
    assert fields(one) == {"name": (f"behind-{zone}", f"theirs-{zone}")}
    assert "Nothing was done" in fractus("drift", "repair", one["id"])
    assert there(zone).name == f"theirs-{zone}"
    fractus("drift", "repair", one["id"], "--yes")
    until(lambda: there(zone).name == f"behind-{zone}", seconds=SOON, reason="named back")
    until(lambda: not drift(zone, "server", server["id"]), seconds=SOON, reason="nothing is reported")
    assert shown(zone)["name"] == f"behind-{zone}"


@zones
def test_a_server_that_is_stopped_there_is_shown_so_and_started(zone: str) -> None:
    server = shown(zone)
    began = time.monotonic()
    admin(zone).compute.stop_server(there(zone).id)
    until(lambda: shown(zone)["status"] == "SHUTOFF", seconds=SOON, reason="SHUTOFF is shown")
    say(f"{zone}: stopped, seen after {time.monotonic() - began:.1f} s")
    one = only(zone, "server", server["id"])
    assert fields(one) == {"power_state": ("active", "stopped")}
    fractus("drift", "repair", one["id"], "--yes")
    until(lambda: shown(zone)["status"] == "ACTIVE", seconds=SOON, reason="ACTIVE again")
    until(lambda: not drift(zone, "server", server["id"]), seconds=SOON, reason="nothing is reported")


@zones
def test_a_network_that_is_renamed_there_is_reported_and_named_back(zone: str) -> None:
    id = seen_by("ann", "/networks?name=behind-net")["networks"][0]["id"]
    cloud = admin(zone).network
    (copy,) = [one for one in cloud.networks() if marks.from_tag(one.description) == id]
    began = time.monotonic()
    cloud.update_network(copy.id, name="their-net")
    one = only(zone, "network", id)
    say(f"{zone}: network renamed, seen after {time.monotonic() - began:.1f} s")
    assert fields(one) == {"name": ("behind-net", "their-net")}
    assert seen_by("ann", f"/networks/{id}")["network"]["name"] == "behind-net", "one of two copies"
    fractus("drift", "repair", one["id"], "--yes")
    until(lambda: cloud.get_network(copy.id).name == "behind-net", seconds=SOON, reason="named back")
    until(lambda: not drift(zone, "network", id), seconds=SOON, reason="nothing is reported")


def test_a_port_whose_groups_are_taken_away_there_shows_in_its_server() -> None:
    server = shown("east")
    cloud = admin("east").network
    (port,) = cloud.ports(device_id=there("east").id)
    cloud.update_port(port.id, security_groups=[])
    until(lambda: not shown("east").get("security_groups"), seconds=SOON, reason="it shows no group")
    (ours,) = seen_by("ann", f"/ports?device_id={server['id']}")["ports"]
    one = only("east", "port", ours["id"])
    assert set(fields(one)) == {"security_groups"}
    fractus("drift", "repair", one["id"], "--yes")
    until(lambda: cloud.get_port(port.id).security_group_ids, seconds=SOON, reason="they are back")
    until(lambda: shown("east").get("security_groups"), seconds=SOON, reason="it shows its group")


def test_a_server_that_is_deleted_there_is_reported_and_forgotten() -> None:
    server = shown("east")
    (port,) = admin("east").network.ports(device_id=there("east").id)
    began = time.monotonic()
    admin("east").compute.delete_server(there("east").id)
    until(lambda: shown("east")["status"] == "ERROR", seconds=SOON, reason="ERROR is shown")
    say(f"east: deleted, seen after {time.monotonic() - began:.1f} s")
    assert "it was deleted there" in shown("east")["fault"]["message"]
    one = only("east", "server", server["id"])
    assert one["what"] == "missing"
    fractus("drift", "forget", one["id"], "--yes")

    def gone() -> bool:
        return server["id"] not in [one["id"] for one in seen_by("ann", "/servers")["servers"]]

    until(gone, seconds=SOON, reason="it is gone for its user")
    until(lambda: admin("east").network.find_port(port.id) is None, reason="its port is gone there")


def test_a_server_that_is_deleted_there_is_built_anew_when_it_is_said() -> None:
    server = shown("west")
    old = there("west").id
    admin("west").compute.delete_server(old)
    until(lambda: shown("west")["status"] == "ERROR", seconds=SOON, reason="ERROR is shown")
    one = only("west", "server", server["id"])
    assert "what was on its disk is lost" in fractus("drift", "repair", one["id"])
    fractus("drift", "repair", one["id"], "--yes")
    until(lambda: shown("west")["status"] == "ACTIVE", reason="it is built anew")
    now = shown("west")
    assert (now["id"], now["addresses"]) == (server["id"], server["addresses"])
    assert there("west").id != old
    until(lambda: not drift("west", "server", server["id"]), seconds=SOON, reason="nothing is reported")


@zones
def test_nothing_that_is_not_ours_is_touched(zone: str) -> None:
    cloud = admin(zone)
    theirs = cloud.network.create_network(name="behind-foreign")
    try:
        found = until(lambda: _foreign(zone, theirs.id), seconds=SOON, reason="it is seen")
        for verb in ("repair", "forget"):
            assert "cannot be done" in fractus("drift", verb, found[0]["id"])
        assert cloud.network.get_network(theirs.id).name == "behind-foreign"
    finally:
        cloud.network.delete_network(theirs.id)


def _foreign(zone: str, id: str) -> list[dict[str, Any]]:
    words = ["drift", "list", "--cloud", zone, "--kind", "network", "--what", "foreign", "--json"]
    return [one for one in json.loads(fractus(*words)) if one["remote_id"] == id]
