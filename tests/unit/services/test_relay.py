"""Live calls: which cloud is asked, how long, and in whose words the answer is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs

from fractus.base.clock import SystemClock
from fractus.model.cloud import Cloud, Scope
from fractus.model.errors import (
    CloudError,
    Conflict,
    Invalid,
    Missing,
    NotFound,
    Refused,
    Unavailable,
    Unimplemented,
    Unreachable,
)
from fractus.model.live import LiveCall, Relayed
from fractus.model.resource import Need, Presence, Resource
from fractus.services.relay import DEADLINE, Relay, Translation
from fractus.store import presences
from fractus.store.resources import Resources
from fractus.store.schema import METADATA
from fractus.store.sqlite import SqliteStore

DIAGNOSTICS = LiveCall(
    name="diagnostics",
    noun="the diagnostics",
    service="compute",
    path="/servers/{id}/diagnostics",
    missing="Instance {id} could not be found.",
    not_ready="Instance {id} is not ready",
)


class East:
    """A cloud that answers what it was given."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.error: CloudError | None = None
        self.asked: list[tuple[str, str, str, float]] = []

    async def relay(self, scope: Scope, remote_id: str, call: LiveCall, deadline: float) -> Relayed:
        self.asked.append((scope.project_id, remote_id, call.name, deadline))
        if self.error is not None:
            raise self.error
        return Relayed(self.answer, "their-project", "req-theirs")


class Clouds:
    def __init__(self) -> None:
        self.east: East | None = East()

    def get(self, name: str) -> Cloud | None:
        return cast("Cloud | None", self.east) if name == "east" else None


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "relay.db", SystemClock())
    made.create(METADATA)
    yield made
    await made.close()


SERVER = Resource(kind="server", id="ours", project_id="our-project", desired={})


async def place(store: SqliteStore, kind: str, id: str, remote_id: str | None) -> None:
    async with store.transaction() as tx:
        await presences.add(tx, Presence(kind=kind, id=id, cloud="east", remote_id=remote_id))


def relay(store: SqliteStore, clouds: Clouds) -> Relay:
    return Relay(store, clouds, {})


async def test_a_resource_that_is_in_no_cloud_yet_is_not_asked_for(store: SqliteStore) -> None:
    clouds = Clouds()
    with pytest.raises(Conflict, match="Instance ours is not ready"):
        await relay(store, clouds).ask(SERVER, DIAGNOSTICS)
    await place(store, "server", "ours", None)
    with pytest.raises(Conflict):
        await relay(store, clouds).ask(SERVER, DIAGNOSTICS)
    assert clouds.east is not None
    assert clouds.east.asked == []


async def test_its_cloud_is_asked_in_its_projects_name_with_a_deadline(store: SqliteStore) -> None:
    clouds = Clouds()
    await place(store, "server", "ours", "theirs")
    assert clouds.east is not None
    clouds.east.answer = "text of theirs"
    with capture_logs() as logs:
        assert await relay(store, clouds).ask(SERVER, DIAGNOSTICS) == "text of theirs", (
            "text is left as it is"
        )
    assert clouds.east.asked == [("our-project", "theirs", "diagnostics", DEADLINE)]
    (line,) = logs
    assert (line["event"], line["cloud"], line["child_request_id"]) == ("relayed", "east", "req-theirs")


async def test_the_answer_is_in_our_words(store: SqliteStore) -> None:
    clouds = Clouds()
    await place(store, "server", "ours", "theirs")
    await place(store, "port", "our-port", "their-port")
    async with store.transaction() as tx:
        await Resources({}).set_needs(tx, "server", "ours", [Need("port", "our-port")])
    assert clouds.east is not None
    clouds.east.answer = {
        "id": "theirs",
        "tenant_id": "their-project",
        "OS-EXT-AZ:availability_zone": "nova",
        "nics": [{"port": "their-port", "rx": 7, "zone": None}],
        "links": [{"href": "http://child:8774/compute/v2.1/servers/theirs/x?port=their-port", "rel": "self"}],
        "elsewhere": {"href": "http://docs"},
    }
    given = await relay(store, clouds).ask(SERVER, DIAGNOSTICS, root="https://us/compute/v2.1/")
    assert given == {
        "id": "ours",
        "tenant_id": "our-project",
        "OS-EXT-AZ:availability_zone": "east",
        "nics": [{"port": "our-port", "rx": 7, "zone": None}],
        "links": [{"href": "https://us/compute/v2.1/servers/ours/x?port=their-port", "rel": "self"}],
        "elsewhere": {"href": "http://docs"},
    }


@pytest.mark.parametrize(
    ("error", "raised", "sentence"),
    [
        (Missing("gone"), NotFound, "Instance ours could not be found."),
        (Unreachable("no answer within 10 s"), Unavailable,
         "The cloud east did not give the diagnostics: no answer within 10 s"),
        (Refused("not for you", status=403), Unavailable,
         "The cloud east did not give the diagnostics: not for you"),
    ],
)  # fmt: skip
async def test_errors_are_openstacks(
    store: SqliteStore, error: CloudError, raised: type[Exception], sentence: str
) -> None:
    clouds = Clouds()
    await place(store, "server", "ours", "theirs")
    assert clouds.east is not None
    clouds.east.error = error
    with capture_logs(), pytest.raises(raised) as caught:
        await relay(store, clouds).ask(SERVER, DIAGNOSTICS)
    assert str(caught.value) == sentence


async def test_a_cloud_that_is_not_connected_cannot_be_asked(store: SqliteStore) -> None:
    clouds = Clouds()
    clouds.east = None
    await place(store, "server", "ours", "theirs")
    with pytest.raises(Unavailable, match="east cannot be asked just now"):
        await relay(store, clouds).ask(SERVER, DIAGNOSTICS)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("http://c/v2.1/servers/r", "https://us/compute/v2.1/servers/s"),
        ("http://c:8774/v2.1", "https://us/compute/v2.1"),
        ("https://c/volume/v3/r/volumes", "https://us/compute/v2.1/s/volumes"),
        ("/servers/r", "/servers/r"),
    ],
)
def test_links_lead_to_us(theirs: str, ours: str) -> None:
    assert Translation({"r": "s"}, "east", "https://us/compute/v2.1").of({"href": theirs}) == {"href": ours}


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Invalid), (409, Conflict), (501, Unimplemented), (403, Unavailable)],
)
async def test_a_refusal_that_is_the_users_to_read_is_said_in_the_clouds_words(
    store: SqliteStore, status: int, error: type[Exception]
) -> None:
    clouds = Clouds()
    assert clouds.east is not None
    await place(store, "server", "ours", "theirs")
    clouds.east.error = Refused("Unavailable console type serial for theirs.", status=status)
    call = msgspec.structs.replace(DIAGNOSTICS, refusals=frozenset({400, 409, 501}))
    with pytest.raises(error) as refused:
        await relay(store, clouds).ask(SERVER, call)
    if error is not Unavailable:
        assert str(refused.value) == "Unavailable console type serial for ours."
    with pytest.raises(Unavailable):
        await relay(store, clouds).ask(SERVER, DIAGNOSTICS)
