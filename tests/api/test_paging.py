"""Law 12: every list can be walked to its end by its links, in pages of any size, while things come and go."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fractus.testing.asgi import HttpReply
from fractus.testing.user import COMPUTE, IMAGE, NETWORK, User
from fractus.testing.world import World

THINGS = 7


@dataclasses.dataclass(frozen=True)
class Listing:
    """A list that pages: where, the name of its member, and what identifies a thing in it."""

    path: str
    member: str
    version: str = ""
    key: str = "id"
    marker: str = ""
    sort: str = ""

    def ids(self, reply: HttpReply) -> list[str]:
        return [self.id_of(one) for one in reply.ok()[self.member]]

    def id_of(self, one: dict[str, Any]) -> str:
        found: Any = one
        for part in self.key.split("."):
            found = found[part]
        return str(found)

    def next(self, document: dict[str, Any]) -> str | None:
        if "next" in document:
            return str(document["next"])
        return next(
            (one["href"] for one in document.get(f"{self.member}_links", []) if one["rel"] == "next"), None
        )


LISTS = [
    Listing(f"{COMPUTE}/servers", "servers", "2.104", sort="display_name"),
    Listing(f"{COMPUTE}/servers/detail", "servers", "2.1", sort="created_at"),
    Listing(f"{COMPUTE}/flavors", "flavors", sort="name"),
    Listing(f"{COMPUTE}/flavors/detail", "flavors", "2.61", sort="memory_mb"),
    Listing(f"{COMPUTE}/os-keypairs", "keypairs", "2.35", key="keypair.name"),
    Listing(f"{NETWORK}/networks", "networks", sort="name"),
    Listing(f"{NETWORK}/subnets", "subnets", sort="cidr"),
    Listing(f"{NETWORK}/ports", "ports", sort="mac_address"),
    Listing(f"{NETWORK}/security-groups", "security_groups", sort="name"),
    Listing(f"{NETWORK}/security-group-rules", "security_group_rules", sort="port_range_min"),
    Listing(f"{IMAGE}/images", "images", sort="name"),
]
_BY_PATH = pytest.mark.parametrize("listing", LISTS, ids=lambda one: one.path)


async def _fill(world: World) -> User:
    """Some of everything that has a list; several were made at one moment and under one name."""
    ann = world.user("ann")
    for number in range(THINGS):
        await world.admin.makes_flavor(f"f{number}", ram=64 * (1 + number % 2))
        await ann.makes_image(f"i{number % 3}", bits=b"x")
        await ann.makes_keypair(f"k{number}")
        network = await ann.makes_network(f"n{number % 2}", cidr=f"10.{number}.0.0/24")
        await ann.makes_security_group(
            f"g{number % 2}-{number}", [{"protocol": "tcp", "port": 80 + number % 2}]
        )
        await ann.boots_server(f"s{number % 2}", network=network)
        if number % 3 == 0:
            await world.clock.advance(1)
    return ann


async def _pages(user: User, listing: Listing, limit: int, **query: Any) -> AsyncIterator[list[str]]:
    """Follow the links from the first page to the last."""
    reply = await user.get(listing.path, version=listing.version, limit=limit, **query)
    for _ in range(200):
        page = listing.ids(reply)
        assert len(page) <= limit
        yield page
        link = listing.next(reply.json)
        if link is None:
            return
        # Links are whole URLs, but for Glance's, which are paths below its endpoint.
        url = link if link.startswith("http") else f"/image{link}"
        assert parse_qs(urlsplit(url).query)["limit"] == [str(limit)], "a link keeps what was asked for"
        reply = await user.call("GET", url, version="", headers=_version(listing))
    raise AssertionError("the links go round in circles")


def _version(listing: Listing) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {listing.version}"} if listing.version else {}


async def _walk(user: User, listing: Listing, limit: int, **query: Any) -> list[str]:
    return [id async for page in _pages(user, listing, limit, **query) for id in page]


@_BY_PATH
async def test_links_lead_through_the_whole_list_once(world: World, listing: Listing) -> None:
    ann = await _fill(world)
    whole = listing.ids(await ann.get(listing.path, version=listing.version))
    assert len(whole) >= THINGS
    assert len(set(whole)) == len(whole)
    for limit in (1, 2, 3, len(whole), 100):
        assert await _walk(ann, listing, limit) == whole
    if not listing.sort:
        return
    for direction in ("asc", "desc"):
        query = {"sort_key": listing.sort, "sort_dir": direction}
        sorted_whole = listing.ids(await ann.get(listing.path, version=listing.version, **query))
        assert sorted(sorted_whole) == sorted(whole)
        for limit in (1, 2, 3):
            assert await _walk(ann, listing, limit, **query) == sorted_whole


@_BY_PATH
async def test_what_is_there_throughout_is_seen_once_while_things_come_and_go(
    world: World, listing: Listing
) -> None:
    ann = await _fill(world)
    whole = listing.ids(await ann.get(listing.path, version=listing.version))
    ephemeral = _doomed(listing, whole)
    seen: list[str] = []
    walk = _pages(ann, listing, 2)
    async for number, page in _counted(walk):
        seen += page
        if ephemeral and ephemeral[-1] not in seen:
            await _delete(world, listing, ephemeral.pop())
        await _add(world, ann, listing, number)
    assert len(seen) == len(set(seen)), "nothing is seen twice"
    kept = set(listing.ids(await ann.get(listing.path, version=listing.version))) & set(whole)
    assert kept <= set(seen), "nothing that was there throughout is missed"


async def _counted(pages: AsyncIterator[list[str]]) -> AsyncIterator[tuple[int, list[str]]]:
    number = 0
    async for page in pages:
        number += 1
        yield number, page


def _doomed(listing: Listing, whole: list[str]) -> list[str]:
    """Things to be deleted on the way, the last first. What others stand on stays."""
    return [] if listing.member in ("subnets", "networks", "ports") else whole[2:6]


async def _delete(world: World, listing: Listing, id: str) -> None:
    user = world.admin if "flavors" in listing.path else world.user("ann")
    reply = await user.delete(f"{listing.path.removesuffix('/detail')}/{id}")
    assert reply.status in (202, 204, 409), reply.body


async def _add(world: World, ann: User, listing: Listing, number: int) -> None:
    """One more of that sort."""
    match listing.member:
        case "flavors":
            await world.admin.makes_flavor(f"new{number}")
        case "images":
            await ann.makes_image(f"new{number}", bits=b"x")
        case "keypairs":
            await ann.makes_keypair(f"new{number}")
        case "security_groups" | "security_group_rules":
            await ann.makes_security_group(f"new{number}")
        case "servers":
            await ann.boots_server(f"new{number}")
        case _:
            await ann.makes_port(await ann.makes_network(f"new{number}", cidr=f"10.2{number:02}.0.0/24"))


@_BY_PATH
async def test_a_page_goes_on_after_its_marker_was_deleted(world: World, listing: Listing) -> None:
    """Nova pages on from a server that is gone by now; where a service does not, it says so with its own error."""
    ann = await _fill(world)
    whole = listing.ids(await ann.get(listing.path, version=listing.version))
    marker = whole[1]
    if listing.member in ("subnets", "networks", "ports"):
        return
    await _delete(world, listing, marker)
    reply = await ann.get(listing.path, version=listing.version, marker=marker, limit=2)
    if reply.status == 200:
        assert listing.ids(reply) == whole[2:4]
    else:
        assert reply.status in (400, 404, 409), reply.body
        assert marker in reply.body.decode() or listing.member == "keypairs"


@pytest.mark.parametrize(
    "listing", [one for one in LISTS if one.path.startswith(NETWORK)], ids=lambda one: one.path
)
async def test_neutrons_pages_lead_back_too(world: World, listing: Listing) -> None:
    ann = await _fill(world)
    whole = listing.ids(await ann.get(listing.path))
    reply = await ann.get(listing.path, limit=3, marker=whole[-1], page_reverse="true")
    seen = listing.ids(reply)
    for _ in range(30):
        back = [one["href"] for one in reply.json[f"{listing.member}_links"] if one["rel"] == "previous"]
        if not back:
            break
        reply = await ann.call("GET", back[0])
        seen = listing.ids(reply) + seen
    assert [*seen, whole[-1]] == whole


async def test_a_limit_of_nothing_and_no_limit(world: World) -> None:
    """0 is nothing in Nova and Glance, and everything in Neutron."""
    ann = await _fill(world)
    for path, length in ((f"{COMPUTE}/servers", 0), (f"{IMAGE}/images", 0), (f"{NETWORK}/networks", THINGS)):
        assert len(await ann.listed(path, limit=0)) == length, path
    first = (await ann.get(f"{IMAGE}/images")).ok()
    assert "next" not in first
