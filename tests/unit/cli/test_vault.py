"""Changing the key of a running fractus, in one step and in three."""

from __future__ import annotations

from pathlib import Path

import pytest

from fractus.app import wiring
from fractus.auth.vault import Vault
from fractus.model.resource import Resource, Summary
from fractus.services.compute.servers.table import SERVER
from tests.unit.cli.test_holds import Place, place

__all__ = ["place"]


@pytest.fixture
def running(place: Place) -> Vault:
    """The vault of a process that runs meanwhile."""
    return Vault.load(place.path / "vault.key")


@pytest.fixture
def server(place: Place, running: Vault) -> str:
    """A server that still has its first password to be shown."""

    async def fill(core: wiring.Core) -> str:
        sealed = core.vault.seal({"admin_pass": "hush"}).decode()
        made = Resource(kind="server", id="s1", desired={"admin_pass": sealed, "name": "s"})
        bare = Resource(kind="server", id="s2", desired={"name": "t"})
        async with core.store.transaction() as tx:
            for one in (made, bare):
                await core.resources.add(tx, one, Summary("BUILD", {}, columns=COLUMNS), [])
        return "s1"

    return place.parts(fill)


COLUMNS = {one.name: one.type.python_type() for one in list(SERVER.c)[15:]}


def password(place: Place, vault: Vault) -> str:
    async def read(core: wiring.Core) -> str:
        found = await core.resources.fetch(core.store, "server", "s1")
        assert found is not None
        assert found.desired["name"] == "s"
        return str(vault.open(found.desired["admin_pass"].encode())["admin_pass"])

    return place.parts(read)


def test_the_key_is_changed_under_a_process_that_runs(place: Place, running: Vault, server: str) -> None:
    key_file = place.path / "vault.key"
    before = key_file.read_text()
    assert "sealed with an older key: 0" in place("vault", "show").output
    done = place("vault", "rotate")
    assert (done.exit_code, done.output) == (0, "The key is changed; 3 things were sealed again.\n")
    assert before.strip() not in key_file.read_text()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert len(key_file.read_text().split()) == 1
    for vault in (running, Vault.load(key_file)):
        assert vault.open(place.cloud("east").secret) == {}
        assert password(place, vault) == "hush"
    # What the running process seals from now on, the new key opens.
    assert Vault.load(key_file).open(running.seal({"a": 1})) == {"a": 1}


def test_in_three_steps_nothing_is_dropped_that_is_needed(place: Place, running: Vault, server: str) -> None:
    key_file = place.path / "vault.key"
    old = key_file.read_text().strip()
    assert place("vault", "new-key").exit_code == 0
    assert len(key_file.read_text().split()) == 2
    done = place("vault", "retire")
    assert done.exit_code == 1
    assert "3 things are sealed with an older key" in done.output
    assert old in key_file.read_text()
    assert "sealed with an older key: 3" in place("vault", "show").output
    assert place("vault", "reseal").output.startswith("3 things were sealed again.")
    assert place("vault", "reseal").output.startswith("0 things were sealed again.")
    assert place("vault", "retire").exit_code == 0
    assert old not in key_file.read_text()
    assert password(place, running) == "hush"


def test_a_key_file_that_is_gone_for_a_moment_changes_nothing_for_who_runs(
    place: Place, running: Vault, tmp_path: Path
) -> None:
    sealed = running.seal({"a": 1})
    (place.path / "vault.key").write_text("")
    assert running.open(sealed) == {"a": 1}
    (place.path / "vault.key").unlink()
    assert running.open(sealed) == {"a": 1}
