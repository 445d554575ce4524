from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.services import Ask
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.model.cloud import CloudRow, Scope
from fractus.model.errors import CredentialsRejected, OutcomeUnknown, Refused, Unreachable
from tests.unit.clouds_openstack.fake import (
    Answering,
    Clock,
    FakeAuthenticator,
    FakeChild,
    drop,
    fault,
    reply,
    text,
)

ANN = Scope("p-ann", "ann's project")
NAME = "fractus-p-ann"
PROJECTS = "/identity/v3/projects"
ASSIGNED = "GET /identity/v3/role_assignments"
ROLES = "GET /identity/v3/roles"
GRANT = f"PUT {PROJECTS}/remote/users/me/roles/r-member"


def listed(*projects: dict[str, Any]) -> Answering:
    return reply({"projects": list(projects)})


def project(**changes: Any) -> dict[str, Any]:
    return {"id": "remote", "name": NAME, "domain_id": "default", "enabled": True} | changes


@pytest.fixture
async def child(
    clock: Clock, fake: FakeChild, authenticator: FakeAuthenticator, transport: AiohttpTransport
) -> AsyncIterator[Child]:
    """A child with a Keystone of its own."""
    cloud = OpenStackCloud.connect(
        CloudRow(name="far", driver="openstack", identity="own"),
        clock=clock,
        request_id=lambda: "",
        transport=transport,
        authenticator=authenticator,
    )
    fake.on(ROLES, reply({"roles": [{"id": "r-member", "name": "member"}]}))
    fake.on(GRANT, reply(status=204))
    fake.on("GET /network/v2.0/x", reply({}))
    yield cloud._child
    await cloud.close()


async def test_a_project_is_made_on_first_use_and_tokens_are_scoped_to_it(
    child: Child, fake: FakeChild
) -> None:
    fake.on(f"GET {PROJECTS}", listed())
    fake.on(f"POST {PROJECTS}", reply({"project": project()}, 201))
    for _ in range(2):
        await child.send(ANN, Ask(service="network", path="/x"))
    [made] = fake.said(f"POST {PROJECTS}")
    assert made.json["project"] == {
        "name": NAME,
        "domain_id": "default",
        "description": "ann's project in fractus",
        "enabled": True,
    }
    assert fake.said(f"GET {PROJECTS}")[0].query == {"name": NAME, "domain_id": "default"}
    assert len(fake.said(GRANT)) == 1
    assert {heard.headers["x-auth-token"] for heard in fake.said("GET /network/v2.0/x")} == {"token-2"}


async def test_a_project_that_is_there_is_joined(child: Child, fake: FakeChild) -> None:
    # Old Keystones ignore filters that they do not know, and names may be alike in case.
    fake.on(
        f"GET {PROJECTS}",
        listed(project(id="other", domain_id="elsewhere"), project(name=NAME.upper()), project()),
    )
    assert await child.projects.id_of(ANN) == "remote"
    assert len(fake.said(GRANT)) == 1
    assert not fake.said(f"POST {PROJECTS}")


async def test_many_first_uses_at_once_are_one(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed())
    fake.on(f"POST {PROJECTS}", reply({"project": project()}, 201))
    assert set(await asyncio.gather(*(child.projects.id_of(ANN) for _ in range(8)))) == {"remote"}
    assert len(fake.said(f"POST {PROJECTS}")) == 1


async def test_another_node_may_be_faster(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed(), listed(project()))
    fake.on(f"POST {PROJECTS}", fault("Conflict occurred: Duplicate entry", 409, "error"))
    assert await child.projects.id_of(ANN) == "remote"


async def test_a_lost_answer_to_the_creation_is_harmless(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed(), listed(project()))
    fake.on(f"POST {PROJECTS}", drop)
    with pytest.raises(Unreachable):
        await child.projects.id_of(ANN)
    assert await child.projects.id_of(ANN) == "remote"


@pytest.mark.parametrize(
    ("call", "lack"),
    [
        (f"GET {PROJECTS}", "list projects"),
        (f"POST {PROJECTS}", "create projects"),
        (ROLES, "list roles"),
        (GRANT, "assign roles"),
    ],
)
async def test_a_missing_right_is_named(child: Child, fake: FakeChild, call: str, lack: str) -> None:
    fake.on(f"GET {PROJECTS}", listed())
    fake.on(f"POST {PROJECTS}", reply({"project": project()}, 201))
    fake.on(call, fault("You are not authorized: identity:x", 403, "error"))
    with pytest.raises(
        Refused, match=f"user operator could not {lack} there: You are not authorized"
    ) as error:
        await child.projects.id_of(ANN)
    assert (error.value.status, error.value.elsewhere) == (403, True)


async def test_an_old_keystone_calls_the_role_otherwise(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed(project()))
    fake.on(ROLES, reply({"roles": []}), reply({"roles": []}), reply({"roles": [{"id": "r-member"}]}))
    assert await child.projects.id_of(ANN) == "remote"
    assert [heard.query["name"] for heard in fake.said(ROLES)] == ["member", "Member", "_member_"]
    fake.on(ROLES, reply({"roles": []}))
    with pytest.raises(Refused, match="openstack role create member"):
        await child.projects.again(ANN)


async def test_a_disabled_project_is_not_worked_in(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed(project(enabled=False)))
    with pytest.raises(Refused, match="is disabled"):
        await child.projects.id_of(ANN)


async def test_a_project_that_was_taken_from_us_is_mapped_anew(
    child: Child, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"GET {PROJECTS}", listed(project()))
    assert await child.projects.id_of(ANN) == "remote"
    authenticator.errors = [CredentialsRejected("The project is gone")]
    await child.send(ANN, Ask(service="network", path="/x"))
    assert authenticator.asked == ["", "remote", "remote"]
    assert len(fake.said(GRANT)) == 2


async def test_no_change_is_repeated_when_its_project_was_taken(
    child: Child, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"GET {PROJECTS}", listed(project()))
    fake.on("POST /network/v2.0/x", drop)
    with pytest.raises(OutcomeUnknown):
        await child.send(ANN, Ask(service="network", method="POST", path="/x", body={}))
    assert len(fake.said("POST /network/v2.0/x")) == 1


async def test_a_wrong_password_maps_nothing(
    child: Child, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    authenticator.errors = [CredentialsRejected("wrong"), CredentialsRejected("wrong")]
    with pytest.raises(CredentialsRejected):
        await child.send(ANN, Ask(service="network", path="/x"))
    assert fake.heard == []


# --- a Keystone shared with us ------------------------------------------------------------------


async def test_in_a_shared_keystone_projects_are_the_same(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(ASSIGNED, reply({"role_assignments": [{"role": {"id": "r-member"}}]}))
    assert await cloud._child.projects.id_of(ANN) == "p-ann"
    assert (authenticator.asked, len(fake.heard)) == (["", "p-ann"], 1)


async def test_no_login_is_tried_where_keystone_tells_of_no_role(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    """A login that is refused costs Keystone the hash of a password."""
    fake.on(ASSIGNED, reply({"role_assignments": []}))
    fake.on(ROLES, reply({"roles": [{"id": "r-member"}]}))
    fake.on(f"PUT {PROJECTS}/p-ann/users/me/roles/r-member", reply(status=204))
    assert await cloud._child.projects.id_of(ANN) == "p-ann"
    assert authenticator.asked == [""]
    [asked] = fake.said(ASSIGNED)
    assert asked.query == {"user.id": "me", "scope.project.id": "p-ann", "effective": "true"}


@pytest.mark.parametrize("answer", [fault("no", 403, "error"), text("no such page", 404), drop])
async def test_where_assignments_are_not_shown_the_login_says(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator, answer: Answering
) -> None:
    fake.on(ASSIGNED, answer)
    assert await cloud._child.projects.id_of(ANN) == "p-ann"
    assert authenticator.asked == ["", "p-ann"]


async def test_the_role_is_looked_up_once_for_all_projects(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {PROJECTS}", listed(project()), listed(project(name="fractus-p-bob", id="other")))
    fake.on(f"PUT {PROJECTS}/other/users/me/roles/r-member", reply(status=204))
    assert await child.projects.id_of(ANN) == "remote"
    assert await child.projects.id_of(Scope("p-bob")) == "other"
    assert len(fake.said(ROLES)) == 1


async def test_in_a_shared_keystone_the_role_is_taken_where_it_is_missing(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    authenticator.errors = [None, CredentialsRejected("User has no access to project")]
    fake.on(ROLES, reply({"roles": [{"id": "r-member"}]}))
    fake.on(f"PUT {PROJECTS}/p-ann/users/me/roles/r-member", reply(status=204))
    assert await cloud._child.project(ANN) == "p-ann"
    fake.on(f"PUT {PROJECTS}/p-bob/users/me/roles/r-member", fault("no", 403, "error"))
    authenticator.errors = [CredentialsRejected("User has no access to project")]
    with pytest.raises(Refused, match="could not assign roles there"):
        await cloud._child.project(Scope("p-bob"))
