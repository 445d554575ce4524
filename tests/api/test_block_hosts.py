"""Services, pools and hosts of block storage of all clouds: mirrored, named so that each is one, changed in their
clouds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.clouds.simulated.cloud import SimulatedCloud
from fractus.model.cloud import Scope
from fractus.model.live import LiveCall, Relayed
from fractus.model.mirror import Mirrored
from fractus.testing.asgi import HttpReply
from fractus.testing.user import VOLUME
from fractus.testing.world import World

SERVICES, HOSTS = f"{VOLUME}/os-services", f"{VOLUME}/os-hosts"
POOLS, CLUSTERS = f"{VOLUME}/scheduler-stats/get_pools", f"{VOLUME}/clusters"

BACKEND = "host-1@simulated"
#: The name of the one in the cloud b.
OF_B = "host-1.b@simulated"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(2, tmp_path=tmp_path, shape={"host_lists": True}) as made:
        await made.sweep(full=True)
        yield made


async def get(world: World, url: str, version: str = "3.71", **query: Any) -> Any:
    return (await world.admin.get(url, version=version, **query)).ok()


def said(answer: HttpReply) -> tuple[int, str]:
    """Status and sentence of a refusal."""
    (fault,) = answer.json.values()
    return answer.status, fault["message"]


async def service(world: World, host: str = OF_B) -> dict[str, Any]:
    (one,) = (await get(world, SERVICES, host=host, binary="cinder-volume"))["services"]
    return dict(one)


async def test_services_of_all_clouds_are_listed_with_their_cloud_as_zone(world: World) -> None:
    every = (await get(world, SERVICES))["services"]
    assert {(one["binary"], one["host"], one["zone"]) for one in every} == {
        ("cinder-scheduler", "control.a", "a"),
        ("cinder-scheduler", "control.b", "b"),
        ("cinder-volume", "host-1.a@simulated", "a"),
        ("cinder-volume", OF_B, "b"),
    }
    old = (await get(world, SERVICES, "3.0"))["services"]
    assert all("cluster" not in one and "backend_state" not in one for one in old)
    for shown, has in (("3.7", "cluster"), ("3.49", "backend_state")):
        assert has in (await get(world, SERVICES, shown, binary="cinder-volume"))["services"][0]
    schedulers = (await get(world, SERVICES, binary="cinder-scheduler"))["services"]
    assert all("frozen" not in one and "backend_state" not in one for one in schedulers)
    assert (await world.user("ann").get(SERVICES)).status == 403


@pytest.mark.parametrize(
    ("host", "count", "why"),
    [
        ("host-1.b", 1, "with its back ends"),
        (OF_B, 1, "the back end itself"),
        (BACKEND, 0, "of which cloud?"),
        (f"{OF_B}#pool", 0, "a pool is no service"),
        ("nowhere", 0, "of none"),
        ("", 4, "all"),
    ],
)
async def test_services_are_found_by_their_host(world: World, host: str, count: int, why: str) -> None:
    assert len((await get(world, SERVICES, host=host))["services"]) == count, why


async def test_a_name_that_one_cloud_alone_has_stays_as_it_is(tmp_path: Path) -> None:
    async with World(1, tmp_path=tmp_path, shape={"host_lists": True}) as world:
        await world.sweep(full=True)
        assert (await service(world, BACKEND))["host"] == BACKEND
        assert (await service(world, "host-1.a@simulated"))["host"] == BACKEND, "the zone may always be said"
        assert (await get(world, POOLS))["pools"] == [{"name": f"{BACKEND}#pool"}]
        assert (await made(world, 1))["os-vol-host-attr:host"] == f"{BACKEND}#pool", "so do its volumes"


#: Verb, what is said besides the back end, status, what the service shows after it.
VERBS: list[tuple[str, dict[str, Any], int, dict[str, Any]]] = [
    ("disable", {"binary": "cinder-volume"}, 200, {"status": "disabled", "disabled_reason": None}),
    (
        "disable-log-reason", {"service": "cinder-volume", "disabled_reason": "r"}, 200,
        {"status": "disabled", "disabled_reason": "r"},
    ),
    ("enable", {"binary": "cinder-volume"}, 200, {"status": "enabled", "disabled_reason": None}),
    ("freeze", {}, 200, {"frozen": True}),
    ("thaw", {}, 200, {"frozen": False}),
]  # fmt: skip


async def test_what_is_asked_of_a_service_is_asked_of_its_cloud_and_shown_at_once(world: World) -> None:
    other = await service(world, "host-1.a@simulated")
    for verb, body, status, shows in VERBS:
        answer = await world.admin.put(f"{SERVICES}/{verb}", {"host": OF_B, **body}, version="3.71")
        assert answer.status == status, verb
        if "able" in verb:
            assert answer.ok()["host"] == OF_B
            assert answer.ok()["status"] == shows["status"]
        assert (await service(world)).items() >= shows.items(), verb
    assert await service(world, "host-1.a@simulated") == other


NONE_THERE = "Service cinder-volume could not be found on host {}."

#: Verb, body, version, status, sentence.
WRONG: list[tuple[str, dict[str, Any], str, int, str]] = [
    ("enable", {"host": "nope", "binary": "cinder-volume"}, "3.0", 404, NONE_THERE.format("nope")),
    ("enable", {"host": BACKEND, "binary": "cinder-volume"}, "3.0", 404, NONE_THERE.format(BACKEND)),
    ("disable", {"host": OF_B, "binary": "x"}, "3.0", 404, f"Service x could not be found on host {OF_B}."),
    ("enable", {"binary": "cinder-volume"}, "3.0", 400, "Invalid input received: Host field is missing."),
    (
        "enable", {"host": OF_B}, "3.0", 400,
        f"{{'host': '{OF_B}'}} is not valid under any of the given schemas",
    ),
    (
        "disable-log-reason", {"host": OF_B, "binary": "x", "disabled_reason": None}, "3.0", 400,
        "Invalid input for field/attribute disabled_reason. Value: None. None is not of type 'string'",
    ),
    (
        "disable-log-reason", {"host": OF_B, "binary": "x", "disabled_reason": "  "}, "3.0", 400,
        "Invalid input for field/attribute disabled_reason. Value:   . '  ' is not a 'disabled_reason'",
    ),
    ("freeze", {"host": "nope"}, "3.0", 400, "No service found with host=nope"),
    ("thaw", {"host": "host-1.b@x"}, "3.0", 400, "No service found with host=host-1.b@x"),
    ("freeze", {}, "3.0", 400, "Invalid input received: Host field is missing."),
    ("freeze", {}, "3.26", 400, "Invalid input received: One and only one of cluster and host must be set."),
    ("freeze", {"cluster": "x"}, "3.26", 400, "No service found with cluster=x"),
    (
        "failover_host", {"host": OF_B, "backend_id": "x"}, "3.0", 400,
        f"Invalid input received: No service could be changed: replication_status in ['{OF_B}'] must be"
        " ['enabled', 'failed-over'] and must be up to failover.",
    ),
    ("get-log", {}, "3.31", 404, "The resource could not be found."),
    (
        "get-log", {"binary": "x"}, "3.32", 400,
        "Invalid input for field/attribute binary. Value: x. 'x' is not one of ['cinder-scheduler', 'cinder-volume',"
        " 'cinder-backup', 'cinder-api', '', '*']",
    ),
    ("set-log", {"level": "loud"}, "3.32", 400, "Invalid input received: loud is not a valid log level."),
]  # fmt: skip


async def test_a_wrong_request_gets_cinders_sentence(world: World) -> None:
    for verb, body, version, status, sentence in WRONG:
        answer = await world.admin.put(f"{SERVICES}/{verb}", body, version=version)
        assert said(answer) == (status, sentence), (verb, body)


async def test_levels_of_logging_are_those_of_all_clouds_or_of_one_server(world: World) -> None:
    async def levels(**body: Any) -> list[tuple[str, str]]:
        answer = await world.admin.put(f"{SERVICES}/get-log", body, version="3.32")
        return [(one["host"], one["binary"]) for one in answer.ok()["log_levels"]]

    assert len(await levels()) == 4
    assert await levels(server=OF_B) == [(OF_B, "cinder-volume")]
    assert await levels(server="nope") == []
    answer = await world.admin.put(f"{SERVICES}/set-log", {"level": "debug"}, version="3.32")
    assert (answer.status, answer.body) == (202, b"")


async def test_a_cloud_that_is_down_makes_no_list_shorter_and_is_named_where_it_must_be_asked(
    world: World,
) -> None:
    world.cloud("b").faults.unreachable()
    await world.run_for(120)
    answer = await world.admin.get(SERVICES, version="3.71")
    assert len(answer.ok()["services"]) == 4
    assert answer.headers["fractus-stale"] == "b"
    asked = await world.admin.put(f"{SERVICES}/get-log", {}, version="3.32")
    assert {one["host"] for one in asked.ok()["log_levels"]} == {"control.a", "host-1.a@simulated"}
    assert asked.headers["fractus-stale"] == "b"
    verb = await world.admin.put(f"{SERVICES}/freeze", {"host": OF_B})
    assert verb.status == 503


async def test_pools_tell_what_room_there_is_and_are_filtered_as_the_version_can(world: World) -> None:
    names = ["host-1.a@simulated#pool", f"{OF_B}#pool"]
    assert (await get(world, POOLS))["pools"] == [{"name": name} for name in names]
    detailed = (await get(world, POOLS, detail="true"))["pools"]
    assert [one["capabilities"]["free_capacity_gb"] for one in detailed] == [10000, 10000]
    assert (await get(world, POOLS, name=names[1]))["pools"] == [{"name": names[1]}]
    assert len((await get(world, POOLS, "3.27", name="none"))["pools"]) == 2, "there was no filter yet"
    assert len((await get(world, POOLS, "3.28", vendor_name="none"))["pools"]) == 0
    wrong = await world.admin.get(POOLS, version="3.31", vendor_name="x")
    assert said(wrong) == (400, "Invalid filters vendor_name are found in query options.")
    wrong = await world.admin.get(POOLS, version="3.0", detail="x")
    assert said(wrong) == (400, "Value 'x' for 'detail' is not a boolean.")


async def test_pools_of_a_type_are_those_that_have_what_it_asks_for(world: World) -> None:
    async def made(name: str, specs: dict[str, str]) -> int:
        body = {"volume_type": {"name": name, "extra_specs": specs}}
        (await world.admin.post(f"{VOLUME}/types", body)).ok()
        return len((await get(world, POOLS, "3.35", volume_type=name))["pools"])

    assert await made("here", {"volume_backend_name": "simulated"}) == 2
    assert await made("elsewhere", {"volume_backend_name": "other"}) == 0
    missing = await world.admin.get(POOLS, version="3.35", volume_type="none")
    assert said(missing) == (404, "Volume type with name none could not be found.")


async def test_hosts_are_services_that_take_new_work(world: World) -> None:
    every = (await get(world, HOSTS))["hosts"]
    assert {(one["host_name"], one["service"], one["zone"]) for one in every} == {
        (one["host"], one["binary"], one["zone"]) for one in (await get(world, SERVICES))["services"]
    }
    assert {one["service-status"] for one in every} == {"available"}
    assert len((await get(world, HOSTS, zone="b"))["hosts"]) == 2
    await world.admin.put(f"{SERVICES}/disable", {"host": OF_B, "binary": "cinder-volume"})
    assert OF_B not in {one["host_name"] for one in (await get(world, HOSTS))["hosts"]}


async def test_a_host_tells_what_is_on_it(world: World) -> None:
    ann = world.user("ann")
    body = {"volume": {"size": 3, "availability_zone": "b"}}
    (await ann.post(f"{VOLUME}/volumes", body)).ok()
    await world.settle()
    (total, of_ann) = (await get(world, f"{HOSTS}/{OF_B}"))["host"]
    assert total["resource"] == {
        "host": OF_B, "project": "(total)", "volume_count": "1", "total_volume_gb": "3", "snapshot_count": "0",
        "total_snapshot_gb": "0",
    }  # fmt: skip
    assert of_ann["resource"]["volume_count"] == "1"
    for method, id, says in (
        ("get", "nope", NONE_THERE.format("nope")),
        ("put", "nope", "Host nope could not be found."),
    ):
        more = ({"status": "enable"},) if method == "put" else ()
        missing = await getattr(world.admin, method)(f"{HOSTS}/{id}", *more)
        assert said(missing) == (404, says)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            {"status": "x"},
            "Invalid input for field/attribute status. Value: x. 'x' is not one of ['enable', 'disable']",
        ),
        ({"a": "x"}, "Invalid update setting: 'a'"),
        ({"Status": "x"}, "Invalid status: 'x'"),
    ],
)
async def test_a_wrong_change_of_a_host_gets_cinders_sentence(
    world: World, body: dict[str, Any], sentence: str
) -> None:
    answer = await world.admin.put(f"{HOSTS}/{OF_B}", body)
    assert said(answer) == (400, sentence)


async def test_a_back_end_tells_what_it_is_capable_of(world: World) -> None:
    answer = await get(world, f"{VOLUME}/capabilities/{OF_B}")
    assert answer["namespace"] == f"OS::Storage::Capabilities::{OF_B}"
    assert answer["storage_protocol"] == "simulated"
    missing = await world.admin.get(f"{VOLUME}/capabilities/nope")
    assert said(missing) == (404, "Can't find service: nope")


#: What a cloud with a cluster shows of it.
CLUSTER = {
    "name": "many@lvm", "binary": "cinder-volume", "state": "up", "status": "enabled", "num_hosts": 2,
    "num_down_hosts": 1, "last_heartbeat": "2026-01-01T00:00:00.000000", "created_at": "2026-01-01T00:00:00.000000",
    "updated_at": "", "disabled_reason": None, "replication_status": "disabled", "frozen": False,
    "active_backend_id": None,
}  # fmt: skip


@pytest.fixture
async def clustered(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The cloud b has a cluster."""
    cluster, listed, relay = dict(CLUSTER), SimulatedCloud.mirrored, SimulatedCloud.relay

    async def mirrored(self: SimulatedCloud, what: Mirrored) -> AsyncIterator[Any]:
        if what.kind == "block_cluster" and self.name == "b":
            yield dict(cluster)
        async for one in listed(self, what):
            yield one

    async def answer(self: SimulatedCloud, scope: Scope, id: str, call: LiveCall, deadline: float) -> Relayed:
        if call.name != "block_cluster_switch":
            return await relay(self, scope, id, call, deadline)
        assert call.body["name"] == cluster["name"]
        off = call.path.endswith("disable")
        cluster.update(
            status="disabled" if off else "enabled", disabled_reason=call.body.get("disabled_reason")
        )
        shown = ("name", "binary", "state", "status", "disabled_reason")
        return Relayed({name: cluster[name] for name in shown})

    monkeypatch.setattr(SimulatedCloud, "mirrored", mirrored)
    monkeypatch.setattr(SimulatedCloud, "relay", answer)
    await world.sweep(full=True)
    return world


async def test_a_cluster_is_switched_in_its_cloud_and_shown_so_at_once(clustered: World) -> None:
    async def switched(verb: str, **body: Any) -> dict[str, Any]:
        asked = {"name": "many.b@lvm", "binary": "cinder-volume", **body}
        answer = (await clustered.admin.put(f"{CLUSTERS}/{verb}", asked, version="3.26")).ok()["cluster"]
        assert answer["name"] == "many.b@lvm"
        shown = (await get(clustered, f"{CLUSTERS}/many@lvm"))["cluster"]
        assert (shown["status"], shown["disabled_reason"]) == (answer["status"], answer["disabled_reason"])
        return dict(answer)

    assert (await switched("disable", disabled_reason="r")).items() >= {
        "status": "disabled", "disabled_reason": "r", "replication_status": "disabled",
    }.items()  # fmt: skip
    assert (await switched("enable")).items() >= {"status": "enabled", "disabled_reason": None}.items()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 1), ({"is_up": "true"}, 1), ({"is_up": "0"}, 0), ({"disabled": "true"}, 0), ({"name": "many@lvm"}, 1),
        ({"num_hosts": "2"}, 1), ({"num_down_hosts": "0"}, 0), ({"binary": "cinder-backup"}, 0),
        ({"frozen": "false"}, 1),
    ],
)  # fmt: skip
async def test_clusters_are_listed_by_what_they_are(
    clustered: World, query: dict[str, str], count: int
) -> None:
    assert len((await get(clustered, CLUSTERS, **query))["clusters"]) == count


async def test_a_cluster_is_shown_as_its_version_knows_it(clustered: World) -> None:
    assert (await get(clustered, f"{CLUSTERS}/many@lvm"))["cluster"] == CLUSTER
    old = (await get(clustered, f"{CLUSTERS}/many@lvm", "3.7"))["cluster"]
    assert CLUSTER.keys() - old.keys() == {"replication_status", "frozen", "active_backend_id"}
    assert (await get(clustered, CLUSTERS, "3.7"))["clusters"] == [
        {name: CLUSTER[name] for name in ("name", "binary", "state", "status")}
    ]
    assert (await clustered.admin.get(CLUSTERS, version="3.6")).status == 404
    for url, version, status, says in (
        (f"{CLUSTERS}/x", "3.7", 404, "Cluster {'binary': 'cinder-volume', 'name': 'x'} could not be found."),
        (f"{CLUSTERS}?foo=1", "3.7", 400, "Invalid input received: Invalid filter keys: foo"),
        (f"{CLUSTERS}?frozen=1", "3.7", 400, "Invalid input received: Invalid filter keys: frozen"),
        (f"{CLUSTERS}?is_up=q", "3.7", 400, "Value 'q' for 'is_up' is not a boolean."),
    ):
        answer = await clustered.admin.get(url, version=version)
        assert said(answer) == (status, says)
    for verb in ("enable", "disable"):
        answer = await clustered.admin.put(f"{CLUSTERS}/{verb}", {"name": "x"}, version="3.7")
        assert answer.status == 404


NOTHING_OF = "('There is no resource with UUID %s pending cleanup.', '8c8a5f0e-1111-4444-8888-000000000000')"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"resource_type": "port"}, "Resource type Port not valid, must be Snapshot or Volume"),
        ({"resource_id": "8c8a5f0e-1111-4444-8888-000000000000"}, NOTHING_OF),
        (
            {"service_id": 3},
            "service_id: each cloud numbers its own services, so a host must be named, too.",
        ),
    ],
)
async def test_what_cannot_be_cleaned_up_is_said(world: World, body: dict[str, Any], sentence: str) -> None:
    answer = await world.admin.post(f"{VOLUME}/workers/cleanup", body, version="3.24")
    assert said(answer) == (400, f"Invalid input received: {sentence}")


async def test_services_are_asked_to_clean_up_in_all_clouds_or_in_that_of_a_host(world: World) -> None:
    for body in ({}, {"host": OF_B, "service_id": 3}, {"host": "nope"}, {"is_up": "true"}):
        answer = await world.admin.post(f"{VOLUME}/workers/cleanup", body, version="3.24")
        assert (answer.status, answer.ok()) == (202, {"cleaning": [], "unavailable": []})


async def made(world: World, size: int, **asked: Any) -> dict[str, Any]:
    """A volume of this size, when it is there."""
    ann = world.user("ann")
    id = (await ann.post(f"{VOLUME}/volumes", {"volume": {"size": size, **asked}})).ok()["volume"]["id"]
    await world.settle()
    return dict((await world.admin.get(f"{VOLUME}/volumes/{id}")).ok()["volume"])


async def test_a_volume_goes_where_a_pool_has_room_for_it(world: World) -> None:
    first = await made(world, 100)
    assert first["availability_zone"] == "a", "the emptiest, of two that are empty"
    store = world.cloud("b").backend
    store.shape = msgspec.structs.replace(store.shape, volume_gigabytes=100)
    await world.sweep(full=True)
    assert (await made(world, 100))["availability_zone"] == "b", "there is just room for it"
    await world.sweep(full=True)
    assert [(await made(world, 1))["availability_zone"] for _ in range(3)] == ["a"] * 3, "b is full"
    named = await made(world, 1, availability_zone="b")
    assert named["availability_zone"] == "b", "who names a zone gets what its cloud says"


async def test_where_no_cloud_seems_to_have_room_one_is_asked_all_the_same(world: World) -> None:
    for cloud in ("a", "b"):
        store = world.cloud(cloud).backend
        store.shape = msgspec.structs.replace(store.shape, volume_gigabytes=0)
    await world.sweep(full=True)
    assert (await made(world, 1))["status"] == "available"
