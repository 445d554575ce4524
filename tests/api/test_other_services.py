"""What other services tell and ask compute: events, tokens of consoles, snapshots of volumes in use."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from fractus.store.schema import WORK
from fractus.store.transaction import Query
from fractus.testing.user import COMPUTE, User
from fractus.testing.world import World

NOBODY = "0a0a0a0a-0000-4000-8000-000000000000"
EVENTS, SNAPSHOTS = f"{COMPUTE}/os-server-external-events", f"{COMPUTE}/os-assisted-volume-snapshots"


def service(world: World) -> User:
    return world.user("neutron", "services", ("service", "admin", "member", "reader"))


_every = Query(select(WORK.c.kind, WORK.c.id, WORK.c.cloud))


async def due(world: World) -> list[tuple[Any, ...]]:
    """What is to be looked at."""
    return [tuple(row) for row in await world.core.store.rows(_every)]


def said(reply: Any) -> tuple[int, str]:
    (fault,) = reply.json.values()
    return reply.status, fault["message"]


async def test_an_event_of_a_server_has_it_looked_at_in_its_cloud(world: World) -> None:
    ann = world.user("ann")
    id = await ann.boots_server(zone="a")
    changed = {"name": "network-changed", "server_uuid": id}
    early = (await service(world).post(EVENTS, {"events": [changed]}, version="2.1")).json
    assert early == {"events": [{**changed, "status": "failed", "code": 422}]}, "it is nowhere yet"
    await world.settle()
    assert ("server", id, "a") not in await due(world)
    events = [
        changed,
        {"name": "volume-extended", "server_uuid": id},
        {"name": "power-update", "server_uuid": NOBODY, "tag": "POWER_OFF"},
    ]
    reply = await service(world).post(EVENTS, {"events": events}, version="2.76")
    assert reply.status == 207
    assert [(one["status"], one["code"]) for one in reply.json["events"]] == [
        ("completed", 200), ("failed", 400), ("failed", 404),
    ]  # fmt: skip
    assert ("server", id, "a") in await due(world)
    one = await service(world).post(EVENTS, {"events": [changed]}, version="2.104")
    assert (one.status, one.json["events"][0]["code"]) == (200, 200)
    assert (await ann.post(EVENTS, {"events": [changed]})).status == 403


#: An event, the version, why it is refused.
WRONG: list[tuple[Any, str, str]] = [
    (5, "2.1", "Invalid input for field/attribute 0. Value: 5. 5 is not of type 'object'"),
    ({}, "2.1", "Invalid input for field/attribute 0. Value: {}. 'name' is a required property"),
    ({"name": "volume-extended", "server_uuid": NOBODY}, "2.50",
     "Invalid input for field/attribute name. Value: volume-extended. 'volume-extended' is not one of "
     "['network-changed', 'network-vif-plugged', 'network-vif-unplugged', 'network-vif-deleted']"),
    ({"name": "network-changed", "server_uuid": "x"}, "2.1",
     "Invalid input for field/attribute server_uuid. Value: x. 'x' is not a 'uuid'"),
    ({"name": "network-changed", "server_uuid": NOBODY, "status": "z"}, "2.1",
     "Invalid input for field/attribute status. Value: z. 'z' is not one of ['failed', 'completed', 'in-progress']"),
]  # fmt: skip


async def test_events_that_are_wrong_are_refused_as_nova_does(world: World) -> None:
    for event, version, sentence in WRONG:
        reply = await service(world).post(EVENTS, {"events": [event]}, version=version)
        assert said(reply) == (400, sentence)
    empty = await service(world).post(EVENTS, {"events": []})
    assert said(empty) == (400, "Invalid input for field/attribute events. Value: []. [] should be non-empty")


async def test_what_the_token_of_a_console_opens_is_asked_of_all_clouds(world: World) -> None:
    ann = world.user("ann")
    id = await ann.boots_server(zone="b")
    await world.settle()
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    url = (await ann.post(f"{COMPUTE}/servers/{id}/remote-consoles", body, version="2.6")).ok()
    token = url["remote_console"]["url"].partition("token=")[2]
    path = f"{COMPUTE}/os-console-auth-tokens/{token}"
    console = (await world.admin.get(path, version="2.31")).ok()["console"]
    host = (await world.admin.server(id))["OS-EXT-SRV-ATTR:host"]
    assert console == {"instance_uuid": id, "host": host, "port": 5900, "internal_access_path": None}
    assert (await world.admin.get(path, version="2.30")).status == 400
    assert (await ann.get(path, version="2.31")).status == 403
    nowhere = f"{COMPUTE}/os-console-auth-tokens/{NOBODY}"
    assert said(await world.admin.get(nowhere, version="2.99")) == (404, "Token not found")
    world.cloud("a").faults.unreachable()
    assert (await world.admin.get(nowhere, version="2.99")).status == 503, "who knows?"
    assert (await world.admin.get(path, version="2.99")).status == 200


async def test_a_snapshot_of_a_volume_in_use_is_made_by_the_compute_service_of_its_cloud(
    world: World,
) -> None:
    ann = world.user("ann")
    volume = await ann.makes_volume(availability_zone="a")
    id = await ann.boots_server(zone="a")
    await world.settle()
    info = {"snapshot_id": NOBODY, "id": NOBODY, "type": "qcow2", "new_file": "new"}
    body = {"snapshot": {"volume_id": volume, "create_info": info}}
    why = f"No volume Block Device Mapping with id {volume}."
    assert said(await service(world).post(SNAPSHOTS, body)) == (400, why)
    attachment = {"volumeAttachment": {"volumeId": volume}}
    (await ann.post(f"{COMPUTE}/servers/{id}/os-volume_attachments", attachment)).ok()
    await world.settle()
    made = (await service(world).post(SNAPSHOTS, body)).ok()
    assert made == {"snapshot": {"id": NOBODY, "volumeId": volume}}
    one = f"{SNAPSHOTS}/{NOBODY}"
    query = f'{{"volume_id": "{volume}"}}'
    assert (await service(world).delete(f"{one}?delete_info={query}")).status == 204
    assert said(await service(world).delete(one)) == (400, "'delete_info'")
    assert (await ann.post(SNAPSHOTS, body)).status == 403
