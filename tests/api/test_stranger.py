"""Every route of every service, walked by those who have no business there, with the ids of somebody else's things."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fractus.testing.asgi import HttpReply, call
from fractus.testing.user import User
from fractus.testing.world import World
from tests.api.bodies import body_of, type_of
from tests.api.house import SECRET, House, Served, furnish, served
from tests.api.refusals import faults_of
from tests.api.rows import changes, outside, rows_of, that_name

#: What Nova and Neutron tell everybody who has a token, whatever their roles, of their own project and of nobody's.
_FOR_ALL = (
    "/flavors",
    "/limits",
    "/os-availability-zone",
    "/extensions",
    "/quotas",
    "/schemas",
    "/info",
)
#: A key belongs to its user, not to a project: Nova lets everybody make one, whatever their roles.
_OWN = "compute POST /os-keypairs"


async def _ask(user: User, one: Served, path: str, body: Any, token: str | None = None) -> HttpReply:
    headers = {"X-Auth-Token": user.token if token is None else token, "Accept": "application/json"}
    if not headers["X-Auth-Token"]:
        del headers["X-Auth-Token"]
    if one.service.type == "compute":
        headers["OpenStack-API-Version"] = f"compute {one.route.max_version or '2.104'}"
    if one.service.type == "placement":
        headers["OpenStack-API-Version"] = "placement 1.39"
    data = b"" if body is None else msgspec.json.encode(body)
    if one.route.method in ("POST", "PUT", "PATCH"):
        headers["Content-Type"] = type_of(one)
    if one.route.raw:
        data = b"bits"
    return await call(user._world.app, one.route.method, path, headers=headers, body=data)


def _reported(reply: HttpReply, path: str) -> str:
    """The answer without the names that were in the question."""
    text = reply.body.decode(errors="replace").replace(reply.headers["x-openstack-request-id"], "<request>")
    for word in sorted(path.split("/"), key=len, reverse=True):
        if len(word) > 7:
            text = text.replace(word, "<asked>")
    return f"{reply.status} {text}"


class Walk:
    """Somebody's walk through a house that is not theirs; what went wrong on it."""

    def __init__(self, house: House, who: User) -> None:
        self.house = house
        self.who = who
        self.wrongs: list[str] = []
        self.visited = 0

    async def visit(
        self, one: Served, *, allowed: tuple[int, ...] = (), token: str | None = None
    ) -> HttpReply:
        """One route; the things of the house must be as before, and the answer in the service's own words."""
        world, path, body = self.house.world, self.house.path(one), body_of(one, self.house)
        words = self.house.ids()
        before = that_name(await rows_of(world), words)
        reply = await _ask(self.who, one, path, body, token)
        changed = changes(before, that_name(await rows_of(world), words))
        self.visited += 1
        self.wrongs += [f"{one}: {wrong}" for wrong in faults_of(one.service.type, reply)]
        self.wrongs += [f"{one}: {reply.status}, and changed {line}" for line in changed]
        if allowed and reply.status not in allowed:
            self.wrongs.append(f"{one}: {reply.status} {reply.body[:200]!r}")
        return reply

    async def compare_with_nothing(self, one: Served, reply: HttpReply) -> None:
        """The answer about a thing of the house is the one about a thing that nobody has."""
        nowhere = self.house.path_to_nothing(one)
        other = await _ask(self.who, one, nowhere, body_of(one, self.house))
        reported, shown_nothing = _reported(reply, self.house.path(one)), _reported(other, nowhere)
        if reported != shown_nothing:
            self.wrongs.append(f"{one} tells that there is something:\n    {reported}\n    {shown_nothing}")

    def looks_for_secrets(self, one: Served, reply: HttpReply, sent: str) -> None:
        """Nothing of the house is in the answer but what was in the question."""
        text = reply.body.decode(errors="replace") + repr(reply.headers)
        self.wrongs += [
            f"{one}: shows {word}" for word in self.house.ids() if word in text and word not in sent
        ]


@pytest.fixture
async def house(world: World) -> House:
    made = await furnish(world, world.user("ann"))
    await world.user("bob", "p2").listed("/network/v2.0/security-groups")
    return made


#: How a stranger is answered who names what is another's.
_HIDDEN = (403, 404, 410, 501)


def _offer(one: Served) -> bool:
    """What is offered to whoever has its id and key: a wrong key is answered as by Cinder, which says so (400)."""
    return one.service.type == "volume" and one.route.path.endswith("/{id}/accept")


async def test_a_user_of_another_project_finds_nothing(world: World, house: House) -> None:
    walk = Walk(house, world.user("bob", "p2"))
    calls = outside(world)
    for one in await served(world):
        named = "{" in one.route.path
        reply = await walk.visit(
            one, allowed=_HIDDEN if named and not _public(one) and not _offer(one) else ()
        )
        sent = house.path(one) + msgspec.json.encode(body_of(one, house)).decode()
        walk.looks_for_secrets(one, reply, sent)
        if named and not _offer(one):
            await walk.compare_with_nothing(one, reply)
        if _offer(one) and reply.status != 400:
            walk.wrongs.append(f"{one}: {reply.status}")
    assert not walk.wrongs, "\n".join(walk.wrongs)
    assert walk.visited > 200
    assert outside(world) == calls


def _public(one: Served) -> bool:
    """Routes whose parameter names nothing of anybody's."""
    return one.route.path.startswith(("/extensions/", "/os-quota-sets/{project_id}/defaults"))


@pytest.mark.parametrize("token", ["", "nobody's", "revoked"])
async def test_without_a_good_token_nothing_is_shown(world: World, house: House, token: str) -> None:
    eve = world.user("eve", "p1")
    if token == "revoked":
        token = eve.token
        world.tokens.revoke(token)
    walk = Walk(house, eve)
    answers = set()
    for one in await served(world):
        reply = await walk.visit(one, allowed=(401,), token=token)
        walk.looks_for_secrets(one, reply, "")
        answers.add((one.service.type, reply.body))
        assert reply.headers["www-authenticate"].startswith("Keystone uri=")
    assert not walk.wrongs, "\n".join(walk.wrongs)
    assert len(answers) == 5, "every route of a service says the same"


async def test_a_user_without_any_role_in_the_very_project_finds_and_changes_nothing(
    world: World, house: House
) -> None:
    walk = Walk(house, world.user("cat", "p1", roles=()))
    for one in await served(world):
        reply = await walk.visit(one)
        if one.route.method != "GET" and reply.status < 400 and str(one) != _OWN:
            walk.wrongs.append(f"{one}: {reply.status}")
        if not one.route.path.startswith(_FOR_ALL):
            walk.looks_for_secrets(one, reply, house.path(one))
    assert not walk.wrongs, "\n".join(walk.wrongs)


def _refusals(one: Served) -> tuple[int, ...]:
    """How a reader's change is refused. Rules of groups cannot be changed by anybody: 405, as in Neutron.

    One action of block storage only reads, so a reader may ask for it, as in Cinder's policy.
    """
    if str(one) == _OWN:
        return (201,)
    if str(one) == "volume POST /volumes/{volume_id}/action#os-show_image_metadata":
        return (200,)
    nobody = (405,) if str(one) == "network PUT /security-group-rules/{id}" else ()
    return (403, 404, 410, 501, *nobody)


async def test_a_reader_reads_all_of_the_project_and_changes_nothing(world: World, house: House) -> None:
    walk = Walk(house, world.user("rea", "p1", roles=("reader",)))
    readable = 0
    for one in await served(world):
        if one.route.method == "GET":
            reply = await walk.visit(one)
            readable += reply.status == 200 and SECRET in reply.body.decode(errors="replace")
        else:
            await walk.visit(one, allowed=_refusals(one))
    assert not walk.wrongs, "\n".join(walk.wrongs)
    assert readable > 25
