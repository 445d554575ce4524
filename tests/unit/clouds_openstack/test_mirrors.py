"""Collections of a child that are mirrored: listed page by page, as the child shows them."""

from __future__ import annotations

from typing import Any

from fractus.clouds.openstack import OpenStackCloud
from fractus.services.network.agents.kind import MIRROR
from fractus.services.placement.providers.kind import TRAITS
from tests.unit.clouds_openstack.fake import FakeAuthenticator, FakeChild, reply

NET = "/network/v2.0"

#: As Neutron 29 answers; an older one lacks the last two.
AGENT: dict[str, Any] = {
    "id": "5e6d1c1a-3e0b-4a55-8d39-0a2d2a1f2f10", "agent_type": "Open vSwitch agent",
    "binary": "neutron-openvswitch-agent", "topic": "N/A", "host": "compute1", "admin_state_up": True,
    "created_at": "2026-01-01 00:00:00", "started_at": "2026-01-02 00:00:00",
    "heartbeat_timestamp": "2026-01-02 00:00:30", "description": None, "availability_zone": None, "alive": True,
    "configurations": {"devices": 3}, "resources_synced": None, "ha_chassis_priority": None,
}  # fmt: skip


def has_agents(fake: FakeChild) -> None:
    fake.on(f"GET {NET}/extensions", reply({"extensions": [{"alias": "agent"}]}))


async def found(cloud: OpenStackCloud) -> list[dict[str, Any]]:
    return [dict(one) async for one in cloud.mirrored(MIRROR.mirrored)]


async def test_all_pages_are_listed_as_they_are_and_what_cannot_be_read_is_passed_over(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    has_agents(fake)
    other = {**AGENT, "id": "second"}
    more = [{"rel": "next", "href": "http://elsewhere/agents?marker=x"}]
    fake.on(
        f"GET {NET}/agents", reply({"agents": [AGENT, 7], "agents_links": more}), reply({"agents": [other]})
    )
    assert await found(cloud) == [AGENT, other]
    first, second = fake.said(f"GET {NET}/agents")
    assert (first.query["sort_key"], second.query["marker"]) == ("id", AGENT["id"])


async def test_a_neutron_without_agents_is_not_asked(cloud: OpenStackCloud, fake: FakeChild) -> None:
    assert await found(cloud) == []
    assert fake.said(f"GET {NET}/agents") == []


def test_what_is_kept_has_our_fields_and_the_cloud_as_its_zone() -> None:
    old = {name: value for name, value in AGENT.items() if name not in ("resources_synced", "alive")}
    row = MIRROR.row("east", "east@x", "x", old)
    assert (row.id, row.remote_id) == ("east@x", "x")
    assert b'"availability_zone":"east"' in row.summary
    assert b"ha_chassis_priority" not in row.summary
    assert b'"resources_synced":null' in row.summary
    assert (row.columns["host"], row.columns["alive"], row.columns["description"]) == ("compute1", False, "")


async def test_a_list_of_texts_is_one_of_objects_with_one_field(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    authenticator.services["placement"] = ""
    entry = {"id": "v1.0", "min_version": "1.0", "max_version": "1.20"}
    fake.on("GET /placement/", reply({"versions": [entry]}))
    fake.on("GET /placement/traits", reply({"traits": ["COMPUTE_NODE", 7, "HW_CPU_X86_AVX2"]}))
    traits = [dict(one) async for one in cloud.mirrored(TRAITS.mirrored)]
    assert traits == [{"name": "COMPUTE_NODE"}, {"name": "HW_CPU_X86_AVX2"}]
    [heard] = fake.said("GET /placement/traits")
    assert heard.headers["openstack-api-version"] == "placement 1.20", "the latest that it has"
