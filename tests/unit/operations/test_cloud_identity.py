"""The same child is not added twice, nor fractus below itself, under whatever name, URL, credential or depth."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fractus.cli.main import cli
from fractus.model.errors import Conflict
from fractus.model.installation import Identity, Mark, same
from fractus.operations import cloud_identity, cloud_rows
from fractus.store import clouds, holds
from fractus.testing.asgi import call
from fractus.testing.child import as_child
from fractus.testing.world import World


class Operator:
    """Runs commands against a state directory of its own."""

    def __init__(self, path: Path) -> None:
        self.state = path / "state"

    def run(self, *arguments: str) -> Result:
        argv = ["cloud", *arguments, "--state", str(self.state)]
        return CliRunner().invoke(cli, argv, prog_name="fractus")

    def adds(self, name: str, path: Path, *more: str) -> Result:
        return self.run("add", name, "--driver", "simulated", "--setting", f"path={path}", *more)


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_the_same_child_is_refused_under_another_name(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "east.sqlite"
    assert operator.adds("east", file).exit_code == 0
    again = operator.adds("west", file)
    assert again.exit_code == 1
    assert "'west' cannot be added: it is the cloud east already: it carries the mark of it" in _flat(again)
    unseen = operator.adds("west", tmp_path / "." / "east.sqlite", "--no-check")
    assert unseen.exit_code == 1
    assert "it is the cloud east already" in _flat(unseen)
    assert operator.adds("west", file, "--copy").exit_code == 1, "it is at the same place: no copy"


def test_of_two_that_are_added_at_once_one_is_refused(operator: Operator, tmp_path: Path) -> None:
    """All have looked before any was written."""
    done = operator.run("add", "east", "west", "--driver", "simulated", "--setting", f"path={tmp_path / 'x'}")
    assert done.exit_code == 1
    assert "1 of 2 clouds were not added" in _flat(done)


def test_a_copy_carries_the_mark_and_can_be_added_as_one(operator: Operator, tmp_path: Path) -> None:
    file, copy = tmp_path / "east.sqlite", tmp_path / "west.sqlite"
    assert operator.adds("east", file).exit_code == 0
    shutil.copy(file, copy)
    refused = operator.adds("west", copy)
    assert refused.exit_code == 1
    assert "it carries the mark of it" in _flat(refused)
    assert operator.adds("west", copy, "--copy").exit_code == 0
    assert operator.run("check", "west").exit_code == 0
    assert operator.run("check", "east").exit_code == 0


def test_what_is_removed_is_not_marked_any_more(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "east.sqlite"
    assert operator.adds("east", file).exit_code == 0
    assert operator.run("remove", "east").exit_code == 0
    added = operator.adds("west", file)
    assert added.exit_code == 0, added.output
    assert "another fractus" not in added.output


def test_another_fractus_there_is_remarked_and_not_refused(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "east.sqlite"
    assert Operator(tmp_path / "other").adds("theirs", file).exit_code == 0
    added = operator.adds("east", file)
    assert added.exit_code == 0, added.output
    assert "works here too, and calls it theirs" in _flat(added)
    checked = operator.run("check", "east")
    assert checked.exit_code == 0
    assert "works here too, and calls it theirs" in _flat(checked)


def _flat(result: Result) -> str:
    return " ".join(result.output.split())


async def test_rows_of_an_older_version_are_looked_at_marked_and_reported(tmp_path: Path) -> None:
    async with World(2, tmp_path=tmp_path) as world:
        core = world.core
        # They became the same child before anybody looked.
        a = world.cloud("a")
        world.clouds_by_name["b"] = type(a)(world.cloud("b").row, a.backend, a.faults)
        async with core.store.transaction() as tx:
            await clouds.reconnect(tx)
        await core.children.refresh(core.store)
        await cloud_identity.Enrolment(core, lambda name: True).once()
        rows = {row.name: row.identity_seen for row in await clouds.every(core.store)}
        assert all(seen is not None and seen.mark for seen in rows.values())
        child = core.children.get("b")
        assert child is not None
        (found,) = [
            one for one in await cloud_identity.judge(core, "b", await child.identify()) if not one.ok
        ]
        assert found.text.startswith("it is the cloud a already: it carries the mark of it")


async def _reported(world: World, **identity: object) -> None:
    """Have the cloud `a` of a world be a fractus that says this of itself."""
    async with world.core.store.transaction() as tx:
        await clouds.identified(tx, "a", Identity(**identity))  # type: ignore[arg-type]
    await world.core.children.refresh(world.core.store)


async def test_a_fractus_is_not_put_below_itself_at_any_depth(tmp_path: Path) -> None:
    """Three of them: c is below b, b is below a; then a is not put below c, nor any of them below itself."""
    async with World(1, tmp_path=tmp_path / "a") as a, World(1, tmp_path=tmp_path / "c") as c:
        ours = await c.core.children.know(c.core.store)
        root = await call(a.app, "GET", "http://a/")
        assert root.json == {"fractus": {"installation": a.core.children.installation, "below": []}}
        await _reported(a, installation="b", below=[ours])
        seen = await as_child(a, "up").identify()
        assert (seen.installation, seen.below) == (a.core.children.installation, sorted(["b", ours]))
        with pytest.raises(Conflict, match=r"'up' cannot be added: this fractus is below it"):
            cloud_identity.refuse("up", await cloud_identity.judge(c.core, "up", seen))
        itself = await as_child(c, "loop").identify()
        with pytest.raises(Conflict, match=r"'loop' cannot be added: it is this fractus itself"):
            cloud_identity.refuse("loop", await cloud_identity.judge(c.core, "loop", itself))


async def test_nothing_new_goes_to_one_that_turns_out_to_be_above(tmp_path: Path) -> None:
    """Two operators add at the same moment: what neither could see is seen by the worker."""
    async with World(1, tmp_path=tmp_path) as world:
        core = world.core
        looks = cloud_identity.Enrolment(core, lambda name: True)
        child = core.children.get("a")
        assert child is not None
        above = Identity(installation="up", below=[core.children.installation or ""])

        async def identify() -> Identity:
            return above

        child.identify = identify  # type: ignore[method-assign]
        await looks.once()
        row = await cloud_rows.known(core.store, "a")
        assert row.state == holds.CORDONED
        assert "this fractus is below it" in (row.state_reason or "")


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (Identity(marks=[Mark("i", "a", "g1")]), Identity(mark="g1"), "mark"),
        (Identity(endpoints=["h:1/v2.1"]), Identity(endpoints=["h:1/v2.1", "h:2"]), "endpoint"),
        (Identity(services=["s@r"]), Identity(services=["s@r"]), "service"),
        (Identity(services=["s@r"]), Identity(services=["s@other region"]), ""),
        (Identity(installation="f"), Identity(installation="f"), "fractus"),
        (Identity(address="h:5000 r"), Identity(address="h:5000 r"), "are at"),
        (Identity(), Identity(), ""),
    ],
)
def test_by_what_two_are_the_same(one: Identity, other: Identity, why: str) -> None:
    assert bool(same(one, other)) == bool(why)
    assert why in same(one, other)
