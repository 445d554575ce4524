"""`fractus purge` and ids as clouds show them."""

from __future__ import annotations

import pytest

from fractus.app import wiring
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.network.networks.kind import KIND
from fractus.store import presences
from tests.unit.cli.test_holds import Place, place

__all__ = ["place"]

COLUMNS = {one.name: one.type.python_type() for one in list(KIND.table.c)[15:]}


@pytest.fixture
def filled(place: Place) -> Place:
    """Three networks that were deleted 40 days ago, one of which a cloud still holds, and one that lives."""

    async def fill(core: wiring.Core) -> None:
        old = core.now() - 40 * 86400
        async with core.store.transaction() as tx:
            for id in ("n1", "n2", "n3", "alive"):
                made = Resource(kind="network", id=id, desired={}, deleted_at=None if id == "alive" else old)
                await core.resources.add(tx, made, Summary("", {}, columns=COLUMNS), [])
            await presences.add(tx, Presence(kind="network", id="n3", cloud="east", remote_id="there"))

    place.parts(fill)
    return place


def left(place: Place) -> set[str]:
    async def read(core: wiring.Core) -> set[str]:
        ids = ("n1", "n2", "n3", "alive")
        return {id for id in ids if await core.resources.fetch(core.store, "network", id) is not None}

    return place.parts(read)


def test_what_is_old_enough_goes_when_it_is_not_too_much(filled: Place) -> None:
    assert filled("purge", "--older-than", "50d").output == "0 deleted resources are gone.\n"
    done = filled("purge", "--older-than", "30d", "--dry-run")
    assert done.output == "  2 network\n2 deleted resources can go.\n"
    done = filled("purge", "--older-than", "30d", "--at-most", "1")
    assert done.exit_code == 1
    assert "This would drop 2 deleted resources" in done.output
    assert left(filled) == {"n1", "n2", "n3", "alive"}
    assert filled("purge", "--older-than", "720h").output == "  2 network\n2 deleted resources are gone.\n"
    assert left(filled) == {"n3", "alive"}


def test_a_span_has_a_unit(filled: Place) -> None:
    for wrong in ("30", "d", "-1d", "30 days"):
        assert filled("purge", "--older-than", wrong).exit_code == 2
    assert left(filled) == {"n1", "n2", "n3", "alive"}


def test_a_resource_is_found_by_the_id_that_a_cloud_shows(filled: Place) -> None:
    done = filled("resource", "show", "there")
    assert done.exit_code == 0, done.output
    assert "n3" in done.output
    assert filled("resource", "show", "n3").output == done.output
    assert filled("resource", "show", "nowhere").exit_code == 1
