"""What users read: articles before vowels, and what a path answers to a method that it has not."""

from __future__ import annotations

import re

import pytest

from fractus.testing.user import COMPUTE
from fractus.testing.world import World
from tests.api.house import furnish, served

#: "a image"; "a user", "a unit" and what is said one letter at a time are right.
_WRONG = re.compile(r"\b[Aa] (?!user|unit|uni|one|URL|UUID|US|eu)[aeiouAEIOU]\w+|\b[Aa]n [bcdfgjkpqtvwz]\w+")


async def test_articles_in_the_summaries_of_all_routes(world: World) -> None:
    wrong = [f"{one}: {one.route.summary}" for one in await served(world) if _WRONG.search(one.route.summary)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("source", ["image", "volume", "snapshot", "blank"])
@pytest.mark.parametrize("place", ["local", "volume", None])
async def test_articles_about_the_disks_of_a_server(world: World, source: str, place: str | None) -> None:
    house = await furnish(world, world.user("ann"))
    disk = {"source_type": source, "boot_index": 0, **({"destination_type": place} if place else {})}
    if source != "blank":
        disk["uuid"] = house.image if source == "image" else house.port
    body = {
        "name": "s",
        "flavorRef": house.flavor,
        "imageRef": house.image,
        "networks": "none",
        "block_device_mapping_v2": [disk],
    }
    reply = await house.owner.post(f"{COMPUTE}/servers", {"server": body}, version="2.60")
    if source in ("image", "blank") and place in ("local", None):
        # As Nova has it: a local disk of its own, or the image as that.
        assert reply.status == 202
        return
    assert reply.status == 400
    assert not _WRONG.search(reply.json["badRequest"]["message"]), reply.json


async def test_a_method_that_a_path_of_compute_has_not_is_not_found(world: World) -> None:
    house = await furnish(world, world.user("ann"))
    for one in await served(world):
        if one.service.type == "compute":
            reply = await house.owner.call("PATCH", house.path(one))
            assert reply.status == 404, one
            assert reply.json["itemNotFound"]["message"] == "The resource could not be found."
