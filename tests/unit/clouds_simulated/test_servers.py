"""Servers: what Nova checks at once, what shows only later, and how states follow one another in time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractus.clouds.simulated.backend import SimulatedBackend
from fractus.clouds.simulated.records import ServerRecord
from fractus.clouds.simulated.shape import Shape
from fractus.model.cloud import Step
from fractus.model.errors import Missing, Refused, Throttled
from fractus.testing.clock import VirtualClock
from fractus.testing.live import console_of
from tests.unit.clouds_simulated.conftest import ANN, BEN, Place


async def test_a_server_comes_up_as_the_clock_goes_on(place: Place, clock: VirtualClock) -> None:
    made = await place.server()
    assert (made.status, made.task_state) == ("BUILD", "scheduling")
    await clock.advance(1.5)
    assert ((seen := await place.now(made)).status, seen.task_state) == ("BUILD", "spawning")
    await clock.advance(1.5)
    seen = await place.now(made)
    assert (seen.status, seen.vm_state, seen.power_state, seen.task_state) == ("ACTIVE", "active", 1, None)
    assert seen.launched_at == "2026-01-01T00:00:03.000000", (
        "stamped when it happened, whenever it is looked at"
    )


async def test_it_is_stamped_with_the_moment_at_which_it_happened(place: Place, clock: VirtualClock) -> None:
    made = await place.server()
    await clock.advance(3600)
    assert (await place.now(made)).changed_at == "2026-01-01T00:00:03Z"


@pytest.mark.parametrize(
    ("verb", "under_way", "status"), [("stop", "powering-off", "SHUTOFF"), ("reboot", "rebooting", "ACTIVE")]
)
async def test_a_verb_takes_its_time(
    place: Place, clock: VirtualClock, verb: str, under_way: str, status: str
) -> None:
    made = await place.server()
    await clock.advance(10)
    await place["server"].apply(ANN, made.remote_id, Step(verb))
    assert (await place.now(made)).task_state == under_way
    await place["server"].apply(ANN, made.remote_id, Step(verb))  # the same again: it is under way already
    await clock.advance(1)
    assert ((seen := await place.now(made)).status, seen.task_state) == (status, None)


async def test_a_busy_server_takes_nothing_else(place: Place, clock: VirtualClock) -> None:
    made = await place.server()
    await clock.advance(10)
    await place["server"].apply(ANN, made.remote_id, Step("stop"))
    with pytest.raises(Throttled):
        await place["server"].apply(ANN, made.remote_id, Step("reboot"))
    with pytest.raises(Throttled, match=r"Cannot 'start' instance .* while it is in task_state powering-off"):
        await place["server"].apply(ANN, made.remote_id, Step("start"))


async def test_a_stopped_server_is_not_rebooted_softly(place: Place, clock: VirtualClock) -> None:
    made = await place.server()
    await clock.advance(10)
    await place["server"].apply(ANN, made.remote_id, Step("stop"))
    await clock.advance(10)
    with pytest.raises(
        Refused, match=r"Cannot 'reboot' instance .* while it is in vm_state stopped"
    ) as refused:
        await place["server"].apply(ANN, made.remote_id, Step("reboot", {"type": "SOFT"}))
    assert refused.value.status == 409
    await place["server"].apply(ANN, made.remote_id, Step("reboot", {"type": "HARD"}))
    await clock.advance(10)
    assert (await place.now(made)).status == "ACTIVE"


async def test_where_no_host_has_room_it_is_accepted_and_goes_to_error(
    clock: VirtualClock, tmp_path: Path
) -> None:
    place = Place(clock, tmp_path, hosts=2, vcpus_per_host=4)
    flavor = await place.flavor(vcpus=4)
    servers = [await place.server(flavor=flavor) for _ in range(3)]
    assert [server.status for server in servers] == ["BUILD"] * 3, (
        "Nova answers before it has looked for a host"
    )
    await clock.advance(10)
    first, second, third = [await place.now(server) for server in servers]
    assert {first.host, second.host} == {"host-1", "host-2"}
    assert (third.status, third.host) == ("ERROR", "")
    assert third.fault.code == 500
    assert third.fault.message == "No valid host was found. There are not enough hosts available."
    await place["server"].delete(ANN, first.remote_id)
    await clock.advance(10)
    again = await place.server(flavor=flavor)
    await clock.advance(10)
    assert (await place.now(again)).host == first.host, "what a deleted server had is free again"


async def test_quotas_are_each_project_s_own(place: Place) -> None:
    place.backend.limit("p-ann", "cores", 3)
    flavor = await place.flavor(vcpus=2)
    await place.server(flavor=flavor)
    sentence = "Quota exceeded for cores: Requested 2, but already used 2 of 3 cores"
    with pytest.raises(Refused, match=sentence) as refused:
        await place.server(flavor=flavor)
    assert (refused.value.status, refused.value.elsewhere) == (403, True)
    await place.server(BEN, flavor=flavor)


async def _small_flavor(place: Place) -> None:
    await place.server(image=await place.image(min_disk=5))


async def _little_memory(place: Place) -> None:
    await place.server(image=await place.image(min_ram=1024))


async def _unknown_image(place: Place) -> None:
    await place.server(image="no-such")


async def _others_image(place: Place) -> None:
    await place.server(image=await place.image(scope=BEN))


async def _unknown_flavor(place: Place) -> None:
    await place.server(flavor="no-such")


async def _unknown_key(place: Place) -> None:
    await place.server(key_name="no-such")


async def _unknown_port(place: Place) -> None:
    await place.server(port_ids=["no-such"])


async def _others_port(place: Place) -> None:
    net = await place.network(BEN)
    await place.server(port_ids=[await place.port(net, "10.0.0.9", BEN)])


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (_small_flavor, "Flavor's disk is smaller than the minimum size specified in image metadata"),
        (_little_memory, "Flavor's memory is too small for requested image"),
        (_unknown_image, "Can not find requested image"),
        (_others_image, "Can not find requested image"),
        (_unknown_flavor, "Flavor no-such could not be found"),
        (_unknown_key, "Invalid key_name provided"),
        (_unknown_port, "Port id no-such could not be found"),
        (_others_port, "Port id .* could not be found"),
    ],
)
async def test_what_nova_refuses_at_once(
    place: Place, attempt: Callable[[Place], Awaitable[None]], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        await attempt(place)
    assert refused.value.status == 400
    assert not place.backend.servers


async def test_ports_follow_their_server(place: Place, clock: VirtualClock) -> None:
    port = await place.port(await place.network(), "10.0.0.9")
    made = await place.server(port_ids=[port])
    held = place.backend.ports[port]
    assert (held.device_id, held.device_owner, held.status) == (made.remote_id, "compute:nova", "DOWN")
    with pytest.raises(Refused, match=f"Port {port} is still in use") as refused:
        await place.server(port_ids=[port])
    assert refused.value.status == 409
    await clock.advance(10)
    assert (place.backend.ports[port].status, place.backend.ports[port].vif_type) == ("ACTIVE", "ovs")
    await place["server"].delete(ANN, made.remote_id)
    assert (await place.now(made)).task_state == "deleting"
    await clock.advance(10)
    freed = place.backend.ports[port]
    assert (freed.device_id, freed.status, freed.host) == ("", "DOWN", ""), (
        "a port that was given stays, unbound"
    )


async def test_a_deleted_server_is_listed_to_those_who_ask_for_changes(
    place: Place, clock: VirtualClock
) -> None:
    made = await place.server()
    await clock.advance(10)
    before = (await place.now(made)).changed_at
    await place["server"].delete(ANN, made.remote_id)
    await clock.advance(10)
    with pytest.raises(Missing, match="could not be found"):
        await place.now(made)
    assert await place.listed("server") == {}
    gone = (await place.listed("server", before))[made.remote_id]
    assert (gone.gone, gone.status, gone.terminated_at) == (True, "DELETED", "2026-01-01T00:00:11.000000")


async def test_a_change_is_listed_from_its_own_second_on(place: Place, clock: VirtualClock) -> None:
    await clock.advance(0.4)
    made = await place.server()
    await clock.advance(10)
    seen = await place.now(made)
    assert seen.changed_at == "2026-01-01T00:00:03Z", "Nova's stamps have whole seconds"
    assert made.remote_id in await place.listed("server", "2026-01-01T00:00:03Z")
    assert made.remote_id not in await place.listed("server", "2026-01-01T00:00:04Z")


async def test_the_cloud_s_clock_is_its_own(clock: VirtualClock, tmp_path: Path) -> None:
    place = Place(clock, tmp_path, clock_offset=-7200.0)
    made = await place.server()
    await clock.advance(3)
    seen = await place.now(made)
    assert (seen.status, seen.changed_at) == ("ACTIVE", "2025-12-31T22:00:03Z")


async def test_the_console_shows_every_boot(place: Place, clock: VirtualClock) -> None:
    made = await place.server(hostname="web-1")
    with pytest.raises(Refused):
        await console_of(place.cloud, ANN, made.remote_id, None, 5.0)
    await clock.advance(10)
    once = await console_of(place.cloud, ANN, made.remote_id, None, 5.0)
    assert once.endswith("web-1 login:\n")
    await place["server"].apply(ANN, made.remote_id, Step("reboot", {"type": "SOFT"}))
    await clock.advance(10)
    twice = await console_of(place.cloud, ANN, made.remote_id, None, 5.0)
    assert twice.startswith(once)
    assert twice.count("login:") == 2
    assert await console_of(place.cloud, ANN, made.remote_id, 1, 5.0) == "web-1 login:\n"


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 40)), max_size=12),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 60)),
)
def test_the_emptiest_host_is_found(running: list[tuple[int, int, int]], asked: tuple[int, int, int]) -> None:
    """As by going through all of them, though it stops at the first that is empty."""
    shape = Shape(hosts=4, vcpus_per_host=4, ram_per_host=4, disk_per_host=50)
    backend = SimulatedBackend(shape, VirtualClock())
    used = {f"host-{host}": [0, 0, 0] for host in range(1, 5)}
    for number, (host, ram, disk) in enumerate(running):
        name = f"host-{host}"
        record = ServerRecord(
            id=str(number), project_id="p", vcpus=1, ram=ram, disk=disk, flavor_id="f", host=name
        )
        backend.records.put(record)
        used[name] = [have + more for have, more in zip(used[name], (1, ram, disk), strict=True)]
    vcpus, ram, disk = asked
    able = [
        (used[name][1], name)
        for name in sorted(used)
        if used[name][0] + vcpus <= 4 and used[name][1] + ram <= 4 and used[name][2] + disk <= 50
    ]
    assert backend.place(*asked) == (min(able)[1] if able else "")
