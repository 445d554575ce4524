"""A lost create that a child works off later than anybody waited for it (law 1)."""

from __future__ import annotations

import pytest

from fractus.model.errors import OutcomeUnknown, Refused, Throttled, Unreachable
from tests.unit.reconcile.toy import ToyCloud, World


def comes_late(east: ToyCloud) -> None:
    """A lost create arrives after both looks, when it is repeated."""
    creates = 0

    async def arrive(place: str) -> None:
        nonlocal creates
        creates += place == "before create"
        if creates == 2:
            creates += 1
            east.put("box", "b1", marker="b1")

    east.gate = arrive


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_law_1_a_repeated_create_that_is_refused_because_the_lost_one_came_after_all(
    world: World, elsewhere: bool
) -> None:
    """The lost one took the address or the quota that the second is refused for: it is the one, and not given up."""
    east, west = await world.cloud("east"), await world.cloud("west")
    east.fail("create", OutcomeUnknown("no answer"), Refused("taken", status=409, elsewhere=elsewhere))
    comes_late(east)
    await world.want("box", "b1")
    await world.settle()
    assert east.made == west.made == []
    assert len(east.here()) == 1
    assert await world.shown() == {"id": "b1", "status": "settled", "cloud": "east", "why": ""}
    await world.remove("box", "b1")
    await world.settle()
    assert east.here() == [], "nothing stays behind"


async def test_law_1_after_such_a_refusal_nothing_is_concluded_before_the_cloud_can_be_asked(
    world: World,
) -> None:
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"), Refused("taken", status=409))
    comes_late(east)
    looks = 0

    async def deaf_at_the_third(place: str) -> None:
        nonlocal looks
        looks += place == "before find"
        if place == "before find" and looks == 3:
            raise Unreachable("away")
        await arrive(place)

    arrive, east.gate = east.gate, deaf_at_the_third
    await world.want("box", "b1", zone="east")
    await world.settle()
    assert looks == 4
    assert east.made == []
    assert len(east.here()) == 1
    assert (await world.shown())["status"] == "settled"


async def test_law_1_a_repeated_create_that_surely_was_not_made_leaves_the_lost_one_in_doubt(
    world: World,
) -> None:
    east = await world.cloud("east")
    east.fail("create", OutcomeUnknown("no answer"), Throttled("slow down", after=3.0))
    comes_late(east)
    await world.want("box", "b1", zone="east")
    await world.settle()
    assert east.made == []
    assert len(east.here()) == 1
    assert (await world.shown())["status"] == "settled"
