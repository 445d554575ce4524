from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fractus.clouds.openstack.entry import Entry
from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.tokens import KeystoneAuthenticator, Tokens
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.clouds.openstack.wire import Wire
from fractus.model.errors import CloudError, CredentialsRejected, Throttled, Unreachable
from tests.unit.clouds_openstack.fake import Answering, Clock, FakeAuthenticator, FakeChild, reply, text
from tools.ports import free_port

PASSWORD = "hunter2-hunter2"


@pytest.fixture
def tokens(clock: Clock, authenticator: FakeAuthenticator, transport: AiohttpTransport) -> Tokens:
    return Tokens(authenticator, Wire("far", transport, Limits(breaker_threshold=2), clock), clock)


async def test_a_token_is_kept_until_it_is_nearly_over(
    tokens: Tokens, authenticator: FakeAuthenticator, clock: Clock
) -> None:
    first = await tokens.of()
    clock.time += 3299
    assert await tokens.of() is first
    clock.time += 2
    assert (await tokens.of()).token == "token-2"
    assert authenticator.asked == ["", ""]


async def test_a_short_life_leaves_a_short_margin(
    tokens: Tokens, authenticator: FakeAuthenticator, clock: Clock
) -> None:
    authenticator.lifetime = 60.0
    await tokens.of()
    clock.time += 53
    await tokens.of()
    clock.time += 2
    await tokens.of()
    assert len(authenticator.asked) == 2


async def test_each_project_has_its_own_and_many_callers_cause_one_request(
    tokens: Tokens, authenticator: FakeAuthenticator
) -> None:
    authenticator.gate = asyncio.Event()
    waiting = asyncio.gather(*(tokens.of(project) for project in ["a", "b"] * 5))
    await asyncio.sleep(0)
    authenticator.gate.set()
    grants = await waiting
    assert sorted(authenticator.asked) == ["a", "b"]
    assert {grant.project_id for grant in grants} == {"a", "b"}


async def test_a_refused_token_is_forgotten_but_not_the_one_that_came_after_it(
    tokens: Tokens, authenticator: FakeAuthenticator
) -> None:
    old = await tokens.of("a")
    tokens.forget(old)
    new = await tokens.of("a")
    tokens.forget(old)
    assert await tokens.of("a") is new
    assert len(authenticator.asked) == 2


async def test_a_dead_keystone_is_left_alone_while_old_tokens_still_serve(
    tokens: Tokens, authenticator: FakeAuthenticator
) -> None:
    held = await tokens.of("a")
    authenticator.errors = [Unreachable("dead"), Unreachable("dead")]
    for _ in range(2):
        with pytest.raises(Unreachable, match="dead"):
            await tokens.of("b")
    with pytest.raises(Unreachable, match="failed repeatedly"):
        await tokens.of("b")
    assert await tokens.of("a") is held
    assert len(authenticator.asked) == 3


# --- keystoneauth against a Keystone whose answers are chosen -----------------------------------


def keystone(fake: FakeChild, *answers: Answering) -> None:
    links = [{"rel": "self", "href": f"{fake.url}/v3/"}]
    version = {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": links}
    fake.on("GET /v3", reply({"version": version}))
    fake.on("POST /v3/auth/tokens", *answers)


def granted(project: dict[str, Any] | None = None) -> Answering:
    def at(region: str, interface: str) -> dict[str, str]:
        return {
            "id": f"{region}{interface}",
            "interface": interface,
            "region": region,
            "region_id": region,
            "url": f"http://{region}.{interface}",
        }

    compute = [at(region, interface) for region in ("one", "two") for interface in ("public", "internal")]
    body = {
        "token": {
            "methods": ["password"],
            "issued_at": "2199-01-01T00:00:00.000000Z",  # by a clock that is not ours
            "expires_at": "2199-01-01T02:00:00.000000Z",
            "user": {"id": "u1", "name": "operator", "domain": {"id": "d", "name": "D"}},
            "roles": [{"id": "r", "name": "admin"}],
            "catalog": [
                {"type": "compute", "name": "nova", "id": "c", "endpoints": compute},
                {"type": "image", "name": "glance", "id": "i", "endpoints": [at("one", "public")]},
            ],
        }
    }
    if project is not None:
        body["token"]["project"] = project
    return reply(body, 201, X_Subject_Token="gAAAtoken")


HOME_PROJECT = {"id": "p1", "name": "home", "domain": {"id": "d", "name": "D"}}


def entry(url: str, **more: Any) -> dict[str, Any]:
    auth = {
        "auth_url": f"{url}/v3",
        "username": "operator",
        "password": PASSWORD,
        "project_name": "home",
        "user_domain_name": "D",
        "project_domain_name": "D",
    }
    return {"region_name": "two", "auth": auth, **more}


@pytest.fixture
async def real(fake: FakeChild) -> AsyncIterator[KeystoneAuthenticator]:
    made = KeystoneAuthenticator(Entry("far", entry(fake.url)), timeout=60)
    yield made
    await made.close()


async def test_a_grant_is_read_from_the_answer(fake: FakeChild, real: KeystoneAuthenticator) -> None:
    keystone(fake, granted(HOME_PROJECT))
    grant = await real.grant("")
    assert (grant.token, grant.project_id, grant.project_domain_id) == ("gAAAtoken", "p1", "d")
    assert (grant.user_id, grant.user_name, grant.roles) == ("u1", "operator", ["admin"])
    assert grant.lifetime == 7200.0
    assert grant.endpoints == {"compute": "http://two.public"}
    assert "gAAAtoken" not in repr(grant)
    scope = fake.said("POST /v3/auth/tokens")[0].json["auth"]["scope"]
    assert scope == {"project": {"name": "home", "domain": {"name": "D"}}}


async def test_a_token_for_another_project_names_nothing_of_the_own_one(
    fake: FakeChild, real: KeystoneAuthenticator
) -> None:
    keystone(fake, granted(HOME_PROJECT))
    await real.grant("p2")
    [heard] = fake.said("POST /v3/auth/tokens")
    assert heard.json["auth"]["scope"] == {"project": {"id": "p2"}}
    user = heard.json["auth"]["identity"]["password"]["user"]
    assert (user["name"], user["domain"]) == ("operator", {"name": "D"})


async def test_the_entrys_interface_and_overrides_choose_the_endpoint(fake: FakeChild) -> None:
    keystone(fake, granted(HOME_PROJECT))
    chosen = entry(fake.url, interface="internal", image_endpoint_override="http://elsewhere/image")
    made = KeystoneAuthenticator(Entry("far", chosen))
    grant = await made.grant("")
    await made.close()
    assert grant.endpoints == {"compute": "http://two.internal", "image": "http://elsewhere/image"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            reply({"error": {"code": 401, "message": f"wrong password {PASSWORD}", "title": "x"}}, 401),
            CredentialsRejected,
        ),
        (reply({"error": {"code": 403, "message": "locked", "title": "x"}}, 403), CredentialsRejected),
        (reply({"error": {"code": 400, "message": "bad", "title": "x"}}, 400), CredentialsRejected),
        (reply({"error": {"code": 503, "message": "later", "title": "x"}}, 503), Throttled),
        (reply({"error": {"code": 500, "message": "broken", "title": "x"}}, 500), Unreachable),
        (text("<html>garbage", 201), Unreachable),
        (granted(None), CredentialsRejected),
    ],
)
async def test_what_keystone_says_instead_of_a_token(
    fake: FakeChild, real: KeystoneAuthenticator, answer: Answering, kind: type[CloudError]
) -> None:
    keystone(fake, answer)
    with pytest.raises(CloudError) as error:
        await real.grant("")
    assert type(error.value) is kind
    assert PASSWORD not in repr(error.value)
    assert error.value.__context__ is None  # keystoneauth's own error holds the request


async def test_a_keystone_that_is_not_there(fake: FakeChild) -> None:
    made = KeystoneAuthenticator(Entry("far", entry(f"http://127.0.0.1:{free_port()}")), timeout=60)
    with pytest.raises(Unreachable):
        await made.grant("")
    await made.close()


def methods(fake: FakeChild) -> list[str]:
    """How each token was asked for."""
    return [heard.json["auth"]["identity"]["methods"][0] for heard in fake.said("POST /v3/auth/tokens")]


async def test_other_projects_are_opened_by_the_token_that_we_have(
    fake: FakeChild, real: KeystoneAuthenticator
) -> None:
    """A login by password costs Keystone a hash, and whoever waits for a project's first server the time of it."""
    keystone(
        fake, granted({"id": "home", "domain": {"id": "default"}}), granted({"id": "other", "domain": {}})
    )
    await real.grant("")
    assert (await real.grant("other")).project_id == "other"
    assert methods(fake) == ["password", "token"]


async def test_where_a_token_opens_no_other_project_the_credential_does(
    fake: FakeChild, real: KeystoneAuthenticator
) -> None:
    home, other = ({"id": id, "domain": {"id": "default"}} for id in ("home", "other"))
    keystone(fake, granted(home), text("no", 403), granted(other), granted(other))
    await real.grant("")
    assert (await real.grant("other")).project_id == "other"
    assert (await real.grant("other")).project_id == "other"
    assert methods(fake) == ["password", "token", "password", "password"], "and is not tried again in vain"


async def test_what_opens_a_project_neither_way_is_refused(
    fake: FakeChild, real: KeystoneAuthenticator
) -> None:
    keystone(fake, granted({"id": "home", "domain": {"id": "default"}}), text("no", 401), text("no", 401))
    await real.grant("")
    with pytest.raises(CredentialsRejected):
        await real.grant("other")
