"""The holds on the command line: what they say, what they write, and what they refuse."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest
from click.testing import CliRunner, Result

from fractus.app import wiring
from fractus.cli import cap
from fractus.cli.holds import lines_of_holds
from fractus.cli.main import cli
from fractus.local.status import lines_of_clouds
from fractus.model.resource import Presence, Resource, Summary
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.settings.loading import load
from fractus.settings.sections import FORMER_NAMES
from fractus.store import clouds, holds, presences, work
from fractus.store.clouds import CloudRecord
from fractus.store.holds import Hold

T = TypeVar("T")


@dataclasses.dataclass
class Place:
    """A state directory with two clouds in it."""

    path: Path

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--state", str(self.path)], prog_name="fractus")

    def parts(self, do: Callable[[wiring.Core], Awaitable[T]]) -> T:
        async def run() -> T:
            core = wiring.core(load(self.path, environ={}), notifier=LocalNotifier())
            try:
                return await do(core)
            finally:
                await core.close()

        return asyncio.run(run())

    def cloud(self, name: str) -> CloudRecord:
        return self.parts(lambda core: cloud_rows.known(core.store, name))

    def holds(self) -> dict[str, str]:
        async def read(core: wiring.Core) -> dict[str, str]:
            return {one.name: one.reason for one in await holds.every(core.store)}

        return self.parts(read)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)

    async def fill(core: wiring.Core) -> None:
        for name in ("east", "west"):
            await cloud_rows.add(
                core.store, core.vault, name=name, driver="simulated", identity="own", settings={}, auth={}
            )

    made.parts(fill)
    return made


@pytest.mark.parametrize(
    ("command", "state", "back"),
    [
        ("cordon", "cordoned", "uncordon"),
        ("drain-work", "draining", "uncordon"),
        ("freeze", "frozen", "thaw"),
    ],
)
def test_a_cloud_is_held_up_and_let_go(place: Place, command: str, state: str, back: str) -> None:
    done = place("cloud", command, "east", "--reason", "the floor is wet")
    assert done.exit_code == 0, done.output
    assert f"fractus cloud {back} east" in done.output
    row = place.cloud("east")
    assert (row.state, row.state_reason) == (state, "the floor is wet")
    assert "@" in (row.state_by or "")
    assert place.cloud("west").state == "open"
    assert state in place("cloud", "list").output
    shown = place("cloud", "show", "east").output
    assert "the floor is wet" in shown
    assert row.state_by in shown
    (line,) = lines_of_clouds([row], 0.0)
    assert f"{state} by {row.state_by}: the floor is wet" in line

    done = place("cloud", back, "east")
    assert (done.exit_code, done.output) == (0, "east is open.\n")
    assert place.cloud("east").state == "open"


def test_the_wrong_way_back_says_the_right_one(place: Place) -> None:
    place("cloud", "freeze", "east")
    done = place("cloud", "uncordon", "east")
    assert done.exit_code == 1
    assert done.output == "Error: The cloud 'east' is frozen: fractus cloud thaw east.\n"
    assert place.cloud("east").state == "frozen"
    assert place("cloud", "thaw", "west").output == "Error: The cloud 'west' is open.\n"
    assert "There are: east, west." in place("cloud", "freeze", "north").output


def test_a_frozen_cloud_may_stay_closed_and_may_be_left_unlooked_at(place: Place) -> None:
    place("cloud", "freeze", "east", "--no-sweep")
    assert place.cloud("east").unswept
    assert "not swept" in " ".join(place("cloud", "show", "east").output.split())
    assert place("cloud", "thaw", "east", "--cordoned").output == "east is cordoned.\n"
    assert not place.cloud("east").unswept


def test_a_thaw_makes_what_waited_due(place: Place) -> None:
    async def park(core: wiring.Core) -> None:
        async with core.store.transaction() as tx:
            await work.wake(tx, "server", "s1", "east")
            (claim,) = await work.claim(tx, "w", await work.due(tx, "east", tx.now(), 1), 60)
            await work.release(tx, claim, due=tx.now() + 1000, waits_on="brake/east", reason="frozen")

    async def due(core: wiring.Core) -> float:
        (row,) = await work.about(core.store, "server", "s1")
        return row.due_at - core.now()

    place("cloud", "freeze", "east")
    place.parts(park)
    assert place.parts(due) > 900
    place("cloud", "thaw", "east")
    assert place.parts(due) <= 0


def test_wait_returns_when_nothing_is_under_way_and_fails_where_something_stays(place: Place) -> None:
    done = place("cloud", "drain-work", "east", "--wait")
    assert (done.exit_code, "east is idle." in done.output) == (0, True)

    async def begin(core: wiring.Core) -> None:
        async with core.store.transaction() as tx:
            await presences.add(tx, Presence(kind="server", id="s1", cloud="east", remote_id="r"))

    place.parts(begin)
    done = place("cloud", "drain-work", "east", "--wait", "--timeout", "0")
    assert done.exit_code == 1
    assert "1 begun and not at their end" in done.output
    assert "east is not idle after 0 s." in done.output
    # A freeze does not wait for what was begun: it goes on later.
    assert place("cloud", "freeze", "east", "--wait", "--timeout", "0").exit_code == 0


def test_read_only_is_a_row_that_all_processes_read(place: Place) -> None:
    assert place("read-only", "show").output == "Read-only is off.\n"
    assert place("read-only", "on", "--reason", "moving house").exit_code == 0
    assert place.holds() == {"read-only": "moving house"}
    shown = place("read-only", "show").output
    assert shown.startswith("hold read-only, by ")
    assert "moving house" in shown
    assert place("read-only", "off").output == "Read-only is off.\n"
    assert place("read-only", "off").output == "Read-only was not on; nothing was changed.\n"
    place("read-only", "on", "--all")
    assert set(place.holds()) == {"read-only", "all-frozen"}
    place("read-only", "off", "--all")
    assert place.holds() == {}


def test_all_clouds_are_frozen_at_once_and_only_if_one_says_all(place: Place) -> None:
    assert place("freeze").exit_code == 2
    assert place("freeze", "--all", "--reason", "smoke").exit_code == 0
    assert place.holds() == {"all-frozen": "smoke"}
    assert place("thaw", "--all").output == "What waited goes on.\n"
    assert place.holds() == {}
    assert "were not frozen" in place("thaw", "--all").output


def test_one_resource_is_frozen_by_its_id(place: Place) -> None:
    async def fill(core: wiring.Core) -> None:
        async with core.store.transaction() as tx:
            for kind in ("network", "port"):
                made = Resource(kind=kind, id=f"{kind}-1", desired={})
                await core.resources.add(tx, made, Summary("", {}), [])
                await core.resources.add(tx, Resource(kind=kind, id="twice", desired={}), Summary("", {}), [])

    place.parts(fill)
    assert "No resource has the id 'none'" in place("resource", "freeze", "none").output
    assert "--kind" in place("resource", "freeze", "twice").output
    assert place("resource", "freeze", "twice", "--kind", "network").exit_code == 0
    assert place.holds() == {"resource/network/twice": ""}
    assert place("resource", "thaw", "twice").output == "The network twice goes on.\n"
    assert place("resource", "thaw", "twice").exit_code == 1
    assert place.holds() == {}


def test_holds_are_listed_in_words() -> None:
    at = 1_800_000_000.0
    on = [
        Hold("all-frozen", "smoke", "ann@desk", at),
        Hold("link/host:1:2", "3 of 4 clouds do not answer", "", at),
        Hold("resource/server/s1", "", "ann@desk", at),
        Hold("unasked/east", "60 of 100", "", at),
    ]
    lines = lines_of_holds(on, at + 10)
    assert [line.split(", by ")[0] for line in lines] == [
        "hold all clouds are frozen",
        "hold link of host:1:2 is suspect, nothing is moved away from silent clouds",
        "hold server s1 is frozen",
        "hold no more automatic changes in east",
    ]
    assert lines[0].endswith("by ann@desk since 2027-01-15T08:00:00Z: smoke")
    # One that a worker left behind when it died is not believed for ever.
    assert len(lines_of_holds(on, at + 1000)) == 3


# --- the cap on one command -------------------------------------------------------------------


def test_more_than_the_cap_is_refused_before_the_first_change(place: Place) -> None:
    async def fill(core: wiring.Core) -> None:
        async with core.store.transaction() as tx:
            for number in range(3):
                await presences.add(tx, Presence(kind="image", id=f"i{number}", cloud="east"))

    place.parts(fill)
    done = place("cloud", "remove", "east", "--forget", "--at-most", "2")
    assert done.exit_code == 1
    assert "This would drop 3 things" in done.output
    assert "Nothing was changed. If that is what you want, pass --at-most 3." in done.output
    assert place.parts(lambda core: presences.left_in(core.store, "east")) == {"image": 3}
    assert place("cloud", "remove", "east", "--forget", "--at-most", "3").exit_code == 0
    assert place.parts(lambda core: clouds.fetch(core.store, "east")) is None


@pytest.mark.parametrize("section", ["holds", *FORMER_NAMES])
def test_the_cap_is_a_setting(tmp_path: Path, section: str) -> None:
    """It had another name before, which operators' files may still say."""
    (tmp_path / "fractus.toml").write_text(f"[{section}]\nat_most = 5\n")
    settings: Any = load(tmp_path, environ={})
    cap.stop_above(5, None, settings, "repair", "servers")
    with pytest.raises(click.ClickException, match=r"This would repair 6 servers, .* 5 at most"):
        cap.stop_above(6, None, settings, "repair", "servers")
    cap.stop_above(6, 6, settings, "repair", "servers")


# --- the pace of a cloud, and automatic changes ------------------------------------------------


def test_the_pace_of_a_cloud_is_set_and_shown(place: Place) -> None:
    done = place(
        *("cloud", "set", "east", "--rate", "20", "--burst", "40", "--concurrency", "6", "--items", "3"),
        *("--pages-per-second", "2"),
    )
    assert done.exit_code == 0, done.output
    assert place.cloud("east").settings == {
        "calls_per_second": 20.0,
        "burst": 40.0,
        "max_calls": 6,
        "max_items": 3,
        "pages_per_second": 2.0,
    }
    shown = place("cloud", "show", "east").output
    for said in ("20 calls a second", "bursts of 40", "3 items at once", "2 pages of sweeps"):
        assert said in " ".join(shown.replace("│", " ").split())
    assert place("cloud", "set", "east", "--concurrency", "0").exit_code == 2


def test_a_cloud_says_which_holds_concern_it(place: Place) -> None:
    async def pull(core: wiring.Core) -> None:
        async with core.store.transaction() as tx:
            await holds.place(tx, holds.of_automatic_changes("east"), "60 of the 100 things")
            await holds.place(tx, holds.of_slowed("west", "h:1:2"), "1 of 8 items at once")

    place.parts(pull)
    east, west = (" ".join(place("cloud", "show", name).output.split()) for name in ("east", "west"))
    assert "60 of the" in east
    assert "60 of the" not in west
    assert "1 of 8" in west
    assert "1 of 8" not in east
    assert place("cloud", "allow", "east").output == "Moves, remakes and repairs in east go on.\n"
    assert place("cloud", "allow", "east").output == "Error: Nothing is held back in east.\n"
    assert set(place.holds()) == {"slowed/west/h:1:2"}
