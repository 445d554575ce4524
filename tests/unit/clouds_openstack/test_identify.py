"""What an OpenStack child is recognised by, and our mark in it."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud, marks
from fractus.clouds.openstack.identify import spelled
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.model.cloud import HOME, CloudRow
from fractus.model.compute import FlavorWanted, KeypairWanted
from fractus.model.errors import Missing
from fractus.model.installation import Mark, origin
from tests.unit.clouds_openstack.fake import Clock, FakeAuthenticator, FakeChild, fault, reply

#: Of the extensions that bring kinds.
_ALIASES = ("router", "qos", "trunk", "metering", "security-groups-remote-address-group")

OURS, OTHER = origin("inst", "far"), origin("another", "far")


@pytest.fixture
def marked(clock: Clock, authenticator: FakeAuthenticator, transport: AiohttpTransport) -> OpenStackCloud:
    return OpenStackCloud.connect(
        CloudRow(name="far", driver="openstack", identity="shared", installation="inst"),
        clock=clock,
        request_id=lambda: "",
        transport=transport,
        authenticator=authenticator,
    )


@pytest.mark.parametrize(
    "url",
    ["http://Cloud.example/compute", "http://cloud.example:80/compute/", "HTTP://cloud.example./compute"],
)
def test_a_url_has_one_spelling(url: str) -> None:
    assert spelled(url) == "cloud.example:80/compute"


@pytest.mark.parametrize(
    ("entry", "other"),
    [
        ({"auth_url": "http://k:5000/v3"}, {"auth_url": "http://K:5000/"}),
        ({"auth_url": "https://k/v3"}, {"auth_url": "https://k:443/v3/"}),
    ],
)
def test_an_address_has_one_spelling(clock: Clock, entry: dict[str, str], other: dict[str, str]) -> None:
    """Whoever logs in there, and by whatever name."""

    def address(auth: dict[str, str], user: str) -> str:
        login = {
            "auth": {**auth, "username": user, "password": "p", "project_name": user},
            "region_name": "r",
        }
        row = CloudRow(name=user, driver="openstack", auth=login)
        return OpenStackCloud.connect(row, clock=clock, request_id=lambda: "").address()

    assert address(entry, "a") == address(other, "b") != ""


async def test_a_mark_is_a_group_that_no_listing_tells_of(marked: OpenStackCloud, fake: FakeChild) -> None:
    theirs = {"id": "g1", "name": "fractus-installation", "description": "fractus-installation:another east"}
    plain = {"id": "g2", "name": "web", "description": ""}
    fake.on("GET /network/v2.0/security-groups", reply({"security_groups": [theirs, plain]}))
    made = {"id": "g3", "name": "fractus-installation", "description": "fractus-installation:inst far"}
    fake.on("POST /network/v2.0/security-groups", reply({"security_group": made}, 201))
    assert (await marked.identify()).marks == [Mark("another", "east", "g1")]
    assert await marked.mark() == "g3"
    (sent,) = [one for one in fake.heard if one.method == "POST"]
    assert sent.json == {"security_group": {key: made[key] for key in ("name", "description")}}
    listed = [one async for one in marked.actuators()["security_group"].list_changed("")]
    assert [one.remote_id for one in listed] == ["g2"]
    fake.on("GET /network/v2.0/security-groups", reply({"security_groups": [theirs, made]}))
    assert await marked.mark() == "g3"
    assert len([one for one in fake.heard if one.method == "POST"]) == 1


async def test_only_a_mark_is_taken_away(marked: OpenStackCloud, fake: FakeChild) -> None:
    fake.on("GET /network/v2.0/security-groups/g2", reply({"security_group": {"id": "g2", "name": "web"}}))
    await marked.unmark("g2")
    assert all(one.method != "DELETE" for one in fake.heard)


async def test_a_child_that_is_a_fractus_says_so(marked: OpenStackCloud, fake: FakeChild) -> None:
    """At its root, which is asked without a token."""
    fake.on("GET /network/v2.0/security-groups", fault("no", 403))
    fake.on("GET /", reply({"fractus": {"installation": "f", "below": ["g"]}}))
    seen = await marked.identify()
    assert (seen.installation, seen.below, seen.marks) == ("f", ["g"], [])
    (root,) = [one for one in fake.heard if one.path == "/"]
    assert "X-Auth-Token" not in root.headers


def _documents(
    description: str, noted: dict[str, str], by: str
) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """One thing of each kind, as a cloud lists it: the path, the collection, and what stands in it."""
    return {
        "network": ("/network/v2.0/networks", "networks", {"id": "r", "description": description}),
        "subnet": ("/network/v2.0/subnets", "subnets", {"id": "r", "description": description}),
        "port": ("/network/v2.0/ports", "ports", {"id": "r", "description": description}),
        "security_group": (
            "/network/v2.0/security-groups", "security_groups", {"id": "r", "description": description},
        ),
        "group_members": (
            "/network/v2.0/address-groups", "address_groups", {"id": "r", "description": description},
        ),
        "router": ("/network/v2.0/routers", "routers", {"id": "r", "description": description}),
        "router_interface": ("/network/v2.0/ports", "ports", {"id": "r", "description": description}),
        "qos_policy": ("/network/v2.0/qos/policies", "policies", {"id": "r", "description": description}),
        "floatingip": ("/network/v2.0/floatingips", "floatingips", {"id": "r", "description": description}),
        "trunk": ("/network/v2.0/trunks", "trunks", {"id": "r", "description": description}),
        "metering_label": (
            "/network/v2.0/metering/metering-labels", "metering_labels", {"id": "r", "description": description},
        ),
        "server_group": (
            "/compute/v2.1/os-server-groups",
            "server_groups",
            {"id": "r", "name": marks.name("id-1", by), "policy": "affinity", "rules": {}, "members": []},
        ),
        "volume": ("/block-storage/v3/home/volumes/detail", "volumes", {"id": "r", "metadata": noted}),
        "snapshot": ("/block-storage/v3/home/snapshots/detail", "snapshots", {"id": "r", "metadata": noted}),
        "backup": ("/block-storage/v3/home/backups/detail", "backups", {"id": "r", "metadata": noted}),
        "server": (
            "/compute/v2.1/servers/detail",
            "servers",
            {
                "id": "r", "name": "vm", "updated": "x", "status": "ACTIVE",
                "metadata": {"fractus_id": "id-1"}, "tags": [marks.tag("id-1"), *marks.by_tag(by)],
            },
        ),
        "flavor": (
            "/compute/v2.1/flavors/detail", "flavors", {"id": marks.name("id-1", by), "extra_specs": {}},
        ),
        "keypair": (
            "/compute/v2.1/os-keypairs", "keypairs", {"keypair": {"name": marks.key_name("id-1", {}, by)}},
        ),
        "image": (
            "/image/v2/images",
            "images",
            {"id": "r", "status": "active", "fractus_id": "id-1", **({"fractus_by": by} if by else {})},
        ),
    }  # fmt: skip


@pytest.mark.parametrize("by", [OURS, OTHER, ""])
async def test_what_says_that_it_is_another_s_is_not_ours(
    marked: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator, by: str
) -> None:
    """In the marker of every kind; what says nothing was made by an older version, and is ours."""
    description = marks.noted("id-1", {}, 255, by)
    authenticator.services["block-storage"] = "v3"
    version = {"id": "v3.0", "min_version": "3.0", "version": "3.71", "status": "CURRENT"}
    fake.on("GET /block-storage/v3/", reply({"versions": [version]}))
    noted = {"fractus_id": "id-1", **({"fractus_by": by} if by else {})}
    documents = _documents(description, noted, by)
    # Types of volumes are a cloud's own, and an attachment is known by its server and volume: neither has a marker.
    assert documents.keys() == marked.actuators().keys() - {"volume_type", "volume_attachment"}
    for kind, (path, key, document) in documents.items():
        fake.on(f"GET {path}", reply({key: [document]}))
        fake.on("GET /compute/v2.1/servers", reply({"servers": []}))
        aliases = [{"alias": alias} for alias in _ALIASES]
        fake.on("GET /network/v2.0/extensions", reply({"extensions": aliases}))
        # Interfaces of routers are listed by each of their device owners.
        fake.on("GET /network/v2.0/metering/metering-label-rules", reply({"metering_label_rules": []}))
        listed = [one async for one in marked.actuators()[kind].list_changed("")]
        (seen,) = {one.remote_id: one for one in listed}.values()
        judged = ("", OTHER) if by == OTHER else ("id-1", "")
        assert (seen.marker, seen.managed_by) == judged, kind


async def test_another_s_flavor_and_key_are_not_touched(marked: OpenStackCloud, fake: FakeChild) -> None:
    """Their ids and names say whose they are."""
    flavor, key = marks.name("7", OTHER), marks.key_name("k", {}, OTHER)
    with pytest.raises(Missing, match="is not of our making"):
        await marked.actuators()["flavor"].delete(HOME, flavor)
    with pytest.raises(Missing, match="is not of our making"):
        await marked.actuators()["keypair"].delete(HOME, key)
    assert all(one.method != "DELETE" for one in fake.heard)


async def test_what_an_older_version_made_is_found_again(marked: OpenStackCloud, fake: FakeChild) -> None:
    """By the id or the name that it had then."""
    size = {"vcpus": 1, "ram": 64, "disk": 1}
    there = {"id": "fractus-7", "name": "m1", **size, "extra_specs": {}}
    fake.on(f"GET /compute/v2.1/flavors/{marks.name('7', OURS)}", fault("no flavor", 404, "itemNotFound"))
    fake.on("GET /compute/v2.1/flavors/fractus-7", reply({"flavor": there}))
    found = await marked.actuators()["flavor"].find(HOME, FlavorWanted(id="7", name="m1", **size))
    assert found is not None
    assert (found.remote_id, found.marker) == ("fractus-7", "7")
    fake.on(f"GET /compute/v2.1/os-keypairs/{marks.name('k', OURS)}", fault("no key", 404, "itemNotFound"))
    fake.on("GET /compute/v2.1/os-keypairs/fractus-k", reply({"keypair": {"name": "fractus-k"}}))
    wanted = KeypairWanted(id="k", name="laptop", public_key="ssh-rsa AAAA")
    key = await marked.actuators()["keypair"].find(HOME, wanted)
    assert key is not None
    assert key.remote_id == "fractus-k"
