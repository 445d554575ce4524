from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.clouds.openstack.child import Child
from fractus.clouds.openstack.pace import Limits
from fractus.clouds.openstack.transport import AiohttpTransport
from fractus.model.cloud import CloudRow
from tests.unit.clouds_openstack.fake import Clock, FakeAuthenticator, FakeChild, hang, reply

#: For what is never answered; and for what is, on a machine that is busy with others.
SHORT, LONG = (Limits(call_timeout=seconds, connect_timeout=seconds) for seconds in (0.5, 60.0))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeChild]:
    child = FakeChild()
    await child.start()
    child.on(
        "GET /compute/v2.1/", reply({"version": {"id": "v2.1", "min_version": "2.1", "version": "2.104"}})
    )
    child.on("GET /network/v2.0/extensions", reply({"extensions": []}))
    yield child
    await child.stop()


@pytest.fixture
def authenticator(fake: FakeChild) -> FakeAuthenticator:
    return FakeAuthenticator(fake.url)


@pytest.fixture
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[AiohttpTransport]:
    """Waits for as long as a test needs; only a little in one that is given `hang` as a parameter."""
    given = getattr(request.node, "callspec", None)
    hangs = given is not None and hang in given.params.values()
    made = AiohttpTransport(True, SHORT if hangs else LONG)
    yield made
    await made.close()


@pytest.fixture
async def cloud(
    clock: Clock, authenticator: FakeAuthenticator, transport: AiohttpTransport
) -> AsyncIterator[OpenStackCloud]:
    """A cloud that shares our Keystone, so that no project is mapped."""
    made = OpenStackCloud.connect(
        CloudRow(name="far", driver="openstack", identity="shared"),
        clock=clock,
        request_id=lambda: "req-11111111-1111-1111-1111-111111111111",
        transport=transport,
        authenticator=authenticator,
    )
    yield made
    await made.close()


@pytest.fixture
def child(cloud: OpenStackCloud) -> Child:
    return cloud._child
