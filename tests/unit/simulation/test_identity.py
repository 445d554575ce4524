"""The small Keystone of a simulated cloud: who is let in, and to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fractus.model.errors import Unauthorized
from fractus.simulation.identity import LIFETIME, Identity
from fractus.simulation.identity_api import application
from fractus.testing.asgi import HttpReply, call
from fractus.testing.clock import VirtualClock

URL = "http://cloud:1"


class House:
    """An identity, and a way to call it."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock()
        self.identity = Identity(path / "identity.json", "sim-001", URL, self.clock)
        if self.identity.empty:
            self.identity.found("right")
        self.app = application(self.identity)
        self.token = ""

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpReply:
        """One call, by the administrator where `log_in` was called before."""
        given = {"X-Auth-Token": self.token} if self.token else {}
        data = b"" if body is None else msgspec.json.encode(body)
        return await call(
            self.app, method, f"http://cloud/identity/v3{path}", headers={**given, **headers}, body=data
        )

    async def log_in(self, password: str = "right", user: str = "admin", project: str = "admin") -> HttpReply:
        """A token by password, kept for what follows if it was given."""
        domain = {"name": "Default"}
        named = {"name": user, "password": password, "domain": domain}
        scope = {"project": {"name": project, "domain": domain}}
        auth = {"identity": {"methods": ["password"], "password": {"user": named}}, "scope": scope}
        reply = await self.call("POST", "/auth/tokens", {"auth": auth})
        self.token = reply.headers.get("x-subject-token", self.token)
        return reply


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_right_password_gives_a_token_with_the_catalog_of_the_region(house: House) -> None:
    """As stock clients want it: roles, project, and a public endpoint of each service."""
    reply = await house.log_in()
    token = reply.json["token"]
    assert reply.status == 201
    assert [role["name"] for role in token["roles"]] == ["admin", "member", "reader"]
    assert token["project"]["name"] == "admin"
    urls = {one["type"]: {end["url"] for end in one["endpoints"]} for one in token["catalog"]}
    assert urls["compute"] == {f"{URL}/compute/v2.1"}
    assert urls["identity"] == {f"{URL}/identity/v3"}
    assert {end["region"] for one in token["catalog"] for end in one["endpoints"]} == {"sim-001"}


@pytest.mark.parametrize(
    ("password", "user", "project"),
    [
        ("wrong", "admin", "admin"),
        ("right", "nobody", "admin"),
        ("right", "admin", "none"),
        ("", "admin", "admin"),
    ],
)
async def test_nobody_else_is_let_in(house: House, password: str, user: str, project: str) -> None:
    """And it is not said what was wrong."""
    reply = await house.log_in(password, user, project)
    assert reply.status == 401
    assert not house.token
    with pytest.raises(Unauthorized):
        await house.identity.check("made-up")


async def test_a_wrong_password_is_refused_after_a_right_one(house: House) -> None:
    """What was proven once is remembered, and only that."""
    assert (await house.log_in("right")).status == 201
    assert (await house.log_in("wrong")).status == 401
    assert (await house.log_in("right")).status == 201


async def test_a_token_ends(house: House) -> None:
    """After an hour, or when it is given back."""
    await house.log_in()
    principal = await house.identity.check(house.token)
    assert principal.is_admin
    await house.clock.advance(LIFETIME)
    with pytest.raises(Unauthorized):
        await house.identity.check(house.token)
    await house.log_in()
    gone = await house.call("DELETE", "/auth/tokens", **{"X-Subject-Token": house.token})
    assert gone.status == 204
    with pytest.raises(Unauthorized):
        await house.identity.check(house.token)


async def test_a_project_is_made_and_opened_by_a_role(house: House) -> None:
    """What a parent does for each of its projects: make it, take the role member, ask for a token of it."""
    await house.log_in()
    admin = house.token
    made = await house.call("POST", "/projects", {"project": {"name": "fractus-1", "domain_id": "default"}})
    assert made.status == 201
    project = made.json["project"]["id"]
    again = await house.call("POST", "/projects", {"project": {"name": "fractus-1"}})
    assert again.status == 409
    found = await house.call("GET", "/projects?name=fractus-1&domain_id=default")
    assert [one["id"] for one in found.json["projects"]] == [project]
    assert (await house.log_in(project="fractus-1")).status == 401
    house.token = admin
    role = (await house.call("GET", "/roles?name=member")).json["roles"][0]["id"]
    user = next(iter(house.identity.users))
    assert (await house.call("PUT", f"/projects/{project}/users/{user}/roles/{role}")).status == 204
    token = (await house.log_in(project="fractus-1")).json["token"]
    assert [one["name"] for one in token["roles"]] == ["member", "reader"]
    assert not (await house.identity.check(house.token)).is_admin


async def test_only_an_administrator_changes_anything(house: House) -> None:
    """A member may see its own user and project."""
    await house.log_in()
    user = (await house.call("POST", "/users", {"user": {"name": "ann", "password": "her own"}})).json["user"]
    project = next(iter(house.identity.projects))
    house.identity.grant(user["id"], project, house.identity.role_named("member"))
    await house.log_in("her own", "ann")
    assert (await house.call("GET", f"/users/{user['id']}")).status == 200
    assert (await house.call("GET", "/users")).status == 403
    assert (await house.call("POST", "/projects", {"project": {"name": "mine"}})).status == 403
    assert (await house.call("DELETE", f"/projects/{project}")).status == 403
    admin = await house.log_in()
    assert admin.status == 201
    assert (await house.call("DELETE", f"/users/{user['id']}")).status == 204
    assert (await house.log_in("her own", "ann")).status == 401


async def test_nothing_is_forgotten_and_no_password_is_kept(house: House, tmp_path: Path) -> None:
    """It is read again at the next start, by its owner only, and holds hashes."""
    await house.log_in()
    await house.call("POST", "/users", {"user": {"name": "ann", "password": "her own secret"}})
    path = tmp_path / "identity.json"
    assert path.stat().st_mode & 0o077 == 0
    assert b"her own secret" not in path.read_bytes()
    assert b"right" not in path.read_bytes()
    later = House(tmp_path)
    assert (await later.log_in()).status == 201
    assert {one["name"] for one in (await later.call("GET", "/users")).json["users"]} == {"admin", "ann"}


async def test_what_is_no_request_is_refused(house: House) -> None:
    """In Keystone's envelope."""
    reply = await call(house.app, "POST", "http://cloud/identity/v3/auth/tokens", headers={}, body=b"{")
    assert reply.status == 400
    assert reply.json["error"]["code"] == 400
    assert (await house.call("POST", "/auth/tokens", {"auth": {}})).status == 400
    assert (await house.call("GET", "/projects")).status == 401
    assert (await house.call("GET", "/nothing")).status == 404
