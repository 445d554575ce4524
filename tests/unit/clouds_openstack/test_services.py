from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.services import Ask, base_url, parsed, reaches
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.clouds.openstack.wire import Wire
from fractus.model.cloud import HOME, CloudRow, Scope
from fractus.model.errors import (
    CloudError,
    CredentialsRejected,
    Missing,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unreachable,
)
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

X = "/compute/v2.1/x"
ASK = Ask(service="compute", path="/x")
POST = Ask(service="compute", method="POST", path="/x", body={})


@pytest.mark.parametrize(
    ("service", "endpoint", "base"),
    [
        ("compute", "http://h:8774/v2.1", "http://h:8774/v2.1"),
        ("compute", "http://h:8774/v2.1/", "http://h:8774/v2.1"),
        ("compute", "http://h:8774/v2/p1", "http://h:8774/v2.1"),
        ("compute", "http://h:8774/v2.1/p1", "http://h:8774/v2.1"),
        ("compute", "https://h/compute", "https://h/compute/v2.1"),
        ("network", "http://h:9696", "http://h:9696/v2.0"),
        ("network", "http://h:9696/v2.0", "http://h:9696/v2.0"),
        ("image", "http://h:9292/", "http://h:9292/v2"),
        ("image", "http://h:9292/v1", "http://h:9292/v2"),
        ("identity", "http://h:5000/v2.0", "http://h:5000/v3"),
        ("identity", "http://h/identity", "http://h/identity/v3"),
        ("object-store", "http://h/v1/AUTH_p1", "http://h/v1"),
    ],
)
def test_catalogs_name_the_same_api_in_many_ways(service: str, endpoint: str, base: str) -> None:
    assert base_url(service, endpoint, "p1") == base


def test_microversions_are_compared_as_numbers() -> None:
    assert parsed("2.9") < parsed("2.10")
    assert reaches("2.10", "2.9")
    assert not reaches("", "2.1")


async def test_every_call_carries_token_request_id_and_version(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {X}", reply({}))
    await child.send(HOME, Ask(service="compute", path="/x", query={"a": "b c"}, version="2.90"))
    [heard] = fake.said(f"GET {X}")
    assert heard.query == {"a": "b c"}
    assert heard.headers["x-auth-token"] == "token-1"
    assert heard.headers["x-openstack-request-id"] == "req-11111111-1111-1111-1111-111111111111"
    assert heard.headers["openstack-api-version"] == "compute 2.90"
    assert heard.headers["x-openstack-nova-api-version"] == "2.90"


@pytest.mark.parametrize("ask", [ASK, POST])
async def test_a_refused_token_is_replaced_once(child: Child, fake: FakeChild, ask: Ask) -> None:
    fake.on(f"{ask.method} {X}", fault("expired", 401), reply({"ok": True}))
    assert await child.read(HOME, ask, dict[str, bool]) == {"ok": True}
    assert [heard.headers["x-auth-token"] for heard in fake.said(f"{ask.method} {X}")] == [
        "token-1",
        "token-2",
    ]


async def test_a_token_that_is_refused_again_is_the_credentials_fault(
    child: Child, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"GET {X}", fault("expired", 401))
    with pytest.raises(CredentialsRejected, match="expired"):
        await child.send(HOME, ASK)
    assert len(fake.said(f"GET {X}")) == 2
    with pytest.raises(CredentialsRejected):
        await child.send(HOME, ASK)
    assert authenticator.asked == [""] * 4


@pytest.mark.parametrize(
    "answer", [text("<html>hello"), text("{", content_type="application/json"), reply([1])]
)
@pytest.mark.parametrize(("ask", "kind"), [(ASK, Unreachable), (POST, OutcomeUnknown)])
async def test_garbage_is_no_answer(
    child: Child, fake: FakeChild, answer: Answering, ask: Ask, kind: type[CloudError]
) -> None:
    fake.on(f"{ask.method} {X}", answer)
    with pytest.raises(CloudError) as error:
        await child.item(HOME, ask, "server", dict[str, str])
    assert type(error.value) is kind


@pytest.mark.parametrize("document", [{}, {"server": None}, {"server": []}])
async def test_an_answer_without_its_thing_is_none(child: Child, fake: FakeChild, document: Any) -> None:
    fake.on(f"POST {X}", reply(document))
    with pytest.raises(OutcomeUnknown):
        await child.item(HOME, POST, "server", dict[str, str])


@pytest.mark.parametrize(
    ("low", "high", "asked", "got"),
    [
        ("2.1", "2.104", "2.90", "2.90"),
        ("2.1", "2.65", "2.90", "2.65"),
        ("2.1", "2.9", "2.19", "2.9"),
        ("", "", "2.90", ""),
    ],
)
async def test_the_highest_that_both_know_is_spoken(
    child: Child, fake: FakeChild, low: str, high: str, asked: str, got: str
) -> None:
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": low, "version": high}}))
    assert await child.services.version(asked) == got


async def test_a_child_of_another_age_is_refused_with_a_sentence(child: Child, fake: FakeChild) -> None:
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "2.95", "version": "2.200"}}))
    with pytest.raises(Refused, match=r"serves 2\.95 to 2\.200; fractus speaks up to 2\.90") as error:
        await child.services.version("2.90")
    assert error.value.elsewhere


async def test_versions_are_asked_for_once_an_hour_and_after_an_upgrade(
    child: Child, fake: FakeChild, clock: Clock
) -> None:
    await asyncio.gather(*(child.services.version("2.90") for _ in range(5)))
    assert len(fake.said("GET /compute/v2.1/")) == 1
    clock.time += 3601
    await child.services.version("2.90")
    assert len(fake.said("GET /compute/v2.1/")) == 2
    fake.on(f"GET {X}", fault("Version 2.90 is not supported", 406))
    with pytest.raises(Throttled):
        await child.send(HOME, ASK)
    await child.services.version("2.90")
    assert len(fake.said("GET /compute/v2.1/")) == 3


async def test_a_service_that_is_not_in_the_catalog_is_named(child: Child) -> None:
    with pytest.raises(Refused, match="far has no volumev3 service") as error:
        await child.send(HOME, Ask(service="volumev3", path="/x"))
    assert error.value.elsewhere


async def test_the_breaker_opens_for_one_service_and_closes_again(
    clock: Clock, fake: FakeChild, authenticator: FakeAuthenticator, transport: AiohttpTransport
) -> None:
    row = CloudRow(name="far", driver="openstack", identity="shared", settings={"breaker_threshold": 2})
    cloud = OpenStackCloud.connect(
        row, clock=clock, request_id=lambda: "", transport=transport, authenticator=authenticator
    )
    child = cloud._child
    fake.on(f"POST {X}", drop)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await child.send(HOME, POST)
    assert not cloud.healthy()
    with pytest.raises(Unreachable, match="failed repeatedly"):
        await child.send(HOME, POST)
    assert len(fake.said(f"POST {X}")) == 2
    fake.on("GET /network/v2.0/x", reply({}))
    await child.send(HOME, Ask(service="network", path="/x"))
    clock.time += 60
    assert cloud.healthy()
    fake.on(f"POST {X}", fault("no", 400))  # an answer is an answer
    with pytest.raises(Refused):
        await child.send(HOME, POST)
    assert cloud.healthy()
    await cloud.close()


async def test_a_dead_image_service_leaves_the_cloud_healthy(child: Child, fake: FakeChild) -> None:
    fake.on("GET /image/v2/x", drop)
    for _ in range(6):
        with pytest.raises(Unreachable):
            await child.send(HOME, Ask(service="image", path="/x"))
    assert child.services.wire.healthy()


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, str]] = []

    def called(self, cloud: str, service: str, method: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((cloud, service, method, outcome))


async def test_every_call_is_measured(fake: FakeChild, transport: AiohttpTransport, clock: Clock) -> None:
    heard = Heard()
    cloud = OpenStackCloud.connect(
        CloudRow(name="far", driver="openstack", identity="shared"),
        clock=clock,
        request_id=lambda: "",
        metrics=heard,
        transport=transport,
        authenticator=FakeAuthenticator(fake.url),
    )
    fake.on(f"GET {X}", reply({}), fault("none", 404, "itemNotFound"), drop)
    await cloud._child.send(HOME, ASK)
    for kind in (Missing, Unreachable):
        with pytest.raises(kind):
            await cloud._child.send(HOME, ASK)
    assert heard.calls == [
        ("far", "identity", "TOKEN", "200"),
        ("far", "compute", "GET", "200"),
        ("far", "compute", "GET", "404"),
        ("far", "compute", "GET", "Unreachable"),
    ]
    assert "x-openstack-request-id" not in fake.heard[0].headers
    await cloud.close()


async def test_a_slow_child_gets_no_more_calls_at_once_than_allowed(fake: FakeChild, clock: Clock) -> None:
    running = most = 0

    async def slow(_request: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return await reply({})(_request)

    fake.on(f"GET {X}", slow)
    limits = Limits(max_calls=2, calls_per_second=0)
    transport = AiohttpTransport(True, limits)
    wire = Wire("far", transport, limits, clock)
    row = CloudRow(
        name="far", driver="openstack", identity="shared", settings={"max_calls": 2, "calls_per_second": 0}
    )
    cloud = OpenStackCloud.connect(
        row,
        clock=clock,
        request_id=lambda: "",
        transport=transport,
        authenticator=FakeAuthenticator(fake.url),
    )
    await asyncio.gather(*(cloud._child.send(HOME, ASK) for _ in range(6)))
    assert most == 2
    await cloud.close()
    await wire.close()


# --- pages -----------------------------------------------------------------------------------


def page(*ids: str, more: bool) -> Answering:
    document: dict[str, Any] = {"things": [{"id": one} for one in ids]}
    if more:
        document["things_links"] = [{"rel": "next", "href": "http://only.they.can.reach/x"}]
    return reply(document)


async def listed(child: Child) -> list[bytes]:
    return [bytes(raw) async for page in child.pages(HOME, ASK, "things", limit=2) for raw in page]


async def test_pages_follow_markers_not_links(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {X}", page("a", "b", more=True), page("c", more=False))
    assert len(await listed(child)) == 3
    assert [heard.query for heard in fake.said(f"GET {X}")] == [{"limit": "2"}, {"limit": "2", "marker": "b"}]


@pytest.mark.parametrize(
    "gone", [fault("marker [b] not found", 400), fault("Network b", 404, "NeutronError")]
)
async def test_a_marker_that_was_deleted_meanwhile_is_stepped_over(
    child: Child, fake: FakeChild, gone: Answering
) -> None:
    fake.on(f"GET {X}", page("a", "b", more=True), gone, page("c", more=False))
    assert len(await listed(child)) == 3
    assert [heard.query.get("marker") for heard in fake.said(f"GET {X}")] == [None, "b", "a"]


async def test_a_listing_that_leads_in_a_circle_ends(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {X}", page("a", "b", more=True))
    assert len(await listed(child)) == 4


async def test_a_listing_that_is_refused_is_refused(child: Child, fake: FakeChild) -> None:
    fake.on(f"GET {X}", fault("no such filter", 400))
    with pytest.raises(Refused, match="no such filter"):
        await listed(child)


@pytest.mark.parametrize("document", [{"other": []}, {"things": {}}])
async def test_a_listing_without_its_things_is_no_empty_listing(
    child: Child, fake: FakeChild, document: Any
) -> None:
    fake.on(f"GET {X}", reply(document))
    with pytest.raises(Unreachable):
        await listed(child)


async def test_a_scope_without_mapping_is_our_own_project(
    child: Child, authenticator: FakeAuthenticator
) -> None:
    assert await child.project(HOME) == "home"
    assert await child.project(Scope("home")) == "home"
    assert authenticator.asked == [""]
