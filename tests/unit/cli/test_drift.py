"""`fractus drift` on the command line: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

from fractus.app import wiring
from fractus.cli.main import cli
from fractus.model.resource import SETTLED, Presence, Resource
from fractus.notify.node import LocalNotifier
from fractus.operations import cloud_rows
from fractus.reconcile import drift
from fractus.settings.loading import load
from fractus.store import findings, presences, work
from fractus.store.findings import Finding

T = TypeVar("T")


@dataclasses.dataclass
class Place:
    """A state directory with two clouds and three networks in it, of which others changed some."""

    path: Path

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["drift", *arguments, "--state", str(self.path)], prog_name="fractus")

    def parts(self, do: Callable[[wiring.Core], Awaitable[T]]) -> T:
        async def run() -> T:
            core = wiring.core(load(self.path, environ={}), notifier=LocalNotifier())
            try:
                return await do(core)
            finally:
                await core.close()

        return asyncio.run(run())

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        result = self("list", "--json", *arguments)
        assert result.exit_code == 0, result.output
        found: list[dict[str, Any]] = json.loads(result.output)
        return found

    def pending(self, id: str) -> int:
        return len(self.parts(lambda core: work.about(core.store, "network", id)))

    def presence(self, id: str) -> Presence:
        found = self.parts(lambda core: presences.fetch(core.store, "network", id, "paris"))
        assert found is not None
        return found


RED = {"name": {"wanted": "red", "found": "theirs", "mends": True, "adopts": True}}
BLUE = {
    "mtu": {"wanted": 1400, "found": 1450, "mends": True, "adopts": True},
    "shared": {"wanted": True, "found": False, "mends": True, "adopts": True},
}


async def _fill(core: wiring.Core) -> None:
    for name in ("paris", "rome"):
        await cloud_rows.add(
            core.store, core.vault, name=name, driver="simulated", identity="own", settings={}, auth={}
        )
    async with core.store.transaction() as tx:
        for id, memory in (
            ("red", {drift.DRIFT: RED}),
            ("blue", {drift.DRIFT: BLUE}),
            ("gone", {drift.GONE: True}),
        ):
            desired = {
                "name": id, "description": "", "tags": [], "admin_state_up": True, "mtu": 1400, "shared": True,
                "port_security_enabled": True, "subnets": [], "availability_zone_hints": [], "router:external": False,
            }  # fmt: skip
            made = Resource(kind="network", id=id, project_id=f"p-{id}", name=id, desired=desired)
            await core.resources.add(tx, made, core.lifecycles["network"].summarise(made, []))
            presence = Presence(
                kind="network",
                id=id,
                cloud="paris",
                state=SETTLED,
                generation=1,
                remote_id=f"r-{id}",
                memory=memory,
            )
            await presences.add(tx, presence)
            await drift.write(tx, presence, made)
        for remote_id, what, marker in (("r-orphan", "orphan", "m-1"), ("r-foreign", "foreign", "")):
            await findings.put(
                tx,
                Finding(
                    cloud="rome",
                    kind="network",
                    remote_id=remote_id,
                    what=what,
                    detail=what,
                    resource_id=marker,
                ),
            )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.parts(_fill)
    return made


def id_of(remote_id: str, cloud: str = "paris") -> str:
    return findings.finding_id(cloud, "network", remote_id)


def test_the_list_shows_what_was_ours_and_others_things_only_when_asked(place: Place) -> None:
    assert {one["remote_id"] for one in place.listed()} == {"r-red", "r-blue", "r-gone", "r-orphan"}
    assert [one["remote_id"] for one in place.listed("--what", "foreign")] == ["r-foreign"]
    assert [one["remote_id"] for one in place.listed("--cloud", "rome")] == ["r-orphan"]
    assert [one["remote_id"] for one in place.listed("--project", "p-blue")] == ["r-blue"]
    assert place.listed("--kind", "server") == []
    printed = place("list").output
    assert "theirs" in printed
    assert "r-foreign" not in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("list", "--cloud", "mars"), "There is no cloud named 'mars'. There are: paris, rome."),
        (("list", "--kind", "moon"), "There is no kind 'moon'."),
        (("show", "nonsense"), "There is no finding nonsense"),
        (("repair", "nonsense", "--yes"), "There is no finding nonsense"),
        (("repair",), "Say which findings"),
        (
            ("rule", "add", "--what", "missing", "--field", "name", "--then", "ignore"),
            "Only what was changed",
        ),
        (("rule", "add", "--what", "foreign", "--then", "repair"), "never touched"),
        (("rule", "remove", "nonsense"), "There is no rule 'nonsense'"),
    ],
)
def test_what_there_is_not_is_said(place: Place, arguments: tuple[str, ...], sentence: str) -> None:
    result = place(*arguments)
    assert result.exit_code == 1
    assert sentence in result.output


def test_one_finding_says_what_each_verb_would_do(place: Place) -> None:
    shown = json.loads(place("show", id_of("r-red"), "--json").output)
    assert shown["verbs"]["repair"] == "set in paris: name = red"
    assert shown["verbs"]["adopt"] == "becomes what is wanted: name = theirs"
    assert shown["verbs"]["forget"].startswith("cannot: ")
    gone = json.loads(place("show", id_of("r-gone"), "--json").output)
    assert gone["verbs"]["repair"] == "made anew in paris"
    assert gone["verbs"]["adopt"].startswith("cannot: ")
    assert "wanted" in place("show", id_of("r-blue")).output


def test_without_yes_nothing_is_done(place: Place) -> None:
    result = place("repair", id_of("r-red"))
    assert result.exit_code == 0
    assert "set in paris: name = red" in result.output
    assert "Nothing was done" in result.output
    assert drift.REPAIR not in place.presence("red").memory
    assert place.pending("red") == 0


def test_a_repair_is_work_for_a_worker(place: Place) -> None:
    assert place("repair", id_of("r-blue"), "--field", "mtu", "--yes").exit_code == 0
    assert place.presence("blue").memory[drift.REPAIR]["fields"] == ["mtu"]
    assert place.pending("blue") == 1


def test_adopting_changes_what_is_wanted(place: Place) -> None:
    assert place("adopt", id_of("r-red"), "--yes").exit_code == 0
    red = place.parts(lambda core: core.resources.fetch(core.store, "network", "red"))
    assert red is not None
    assert (red.name, red.desired["name"], red.generation) == ("theirs", "theirs", 2)
    assert "r-red" not in {one["remote_id"] for one in place.listed()}


def test_ignoring_one_field_leaves_the_other_open(place: Place) -> None:
    assert place("ignore", id_of("r-blue"), "--field", "mtu", "--yes").exit_code == 0
    (blue,) = place.listed("--project", "p-blue")
    assert {one["field"]: one["ignored"] for one in blue["differences"]} == {"mtu": True, "shared": False}
    assert place("ignore", id_of("r-blue"), "--yes").exit_code == 0
    assert place.listed("--project", "p-blue") == []
    assert len(place.listed("--project", "p-blue", "--ignored")) == 1
    assert place("reopen", "--all", "--yes").exit_code == 0
    assert len(place.listed("--project", "p-blue")) == 1


def test_forgetting_what_is_gone_makes_no_call_and_keeps_the_resource(place: Place) -> None:
    assert place("forget", id_of("r-gone"), "--yes").exit_code == 0
    assert place.parts(lambda core: presences.fetch(core.store, "network", "gone", "paris")) is None
    gone = place.parts(lambda core: core.resources.fetch(core.store, "network", "gone"))
    assert gone is not None
    assert gone.wanted


def test_an_orphan_is_seen_off_by_a_worker_and_a_foreign_thing_never(place: Place) -> None:
    result = place("repair", id_of("r-foreign", "rome"), "--yes")
    assert result.exit_code == 1
    assert "never touches it" in result.output
    assert place("repair", id_of("r-orphan", "rome"), "--yes").exit_code == 0
    leaving = place.parts(lambda core: presences.by_remote(core.store, "rome", "network", "r-orphan"))
    assert leaving is not None
    assert (leaving.wanted, leaving.memory) == (False, {"orphan": "m-1"})


def test_all_means_what_is_open_and_ours_and_has_a_cap(place: Place) -> None:
    result = place("repair", "--all", "--at-most", "2", "--yes")
    assert result.exit_code == 1
    assert "This would repair 3 things" in result.output
    assert place.pending("red") == 0
    result = place("repair", "--all", "--at-most", "3", "--yes")
    assert result.exit_code == 0, result.output
    assert "Done with 3 of 3" in result.output


def test_all_orphans_are_meant_only_where_they_are_named(place: Place) -> None:
    """Another fractus over the same cloud leaves the same marks."""
    assert "orphan" not in place("repair", "--all").output
    assert "deleted in rome" in place("repair", "--all", "--what", "orphan").output


def test_rules_are_added_listed_and_removed(place: Place) -> None:
    result = place(
        "rule", "add", "--what", "changed", "--kind", "network", "--field", "name", "--then", "adopt"
    )
    assert result.exit_code == 0
    (rule,) = json.loads(place("rule", "list", "--json").output)
    assert (rule["what"], rule["kind"], rule["field"], rule["verb"]) == (
        "changed",
        "network",
        "name",
        "adopt",
    )
    assert "adopt" in place("rule", "list").output
    assert place("rule", "remove", rule["id"]).exit_code == 0
    assert place("rule", "list").output.strip() == "There are no rules."
