"""Server groups of a child, as any release of Nova takes and prints them."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.clouds.openstack import OpenStackCloud
from fractus.model.cloud import Scope
from fractus.model.compute import ServerGroupWanted
from fractus.model.errors import Missing, Refused
from tests.unit.clouds_openstack.fake import FakeAuthenticator, FakeChild, reply

ANN = Scope("p-ann")
GROUPS = "/compute/v2.1/os-server-groups"
OURS = "fractus-g1"


def wanted(policy: str = "anti-affinity", **rules: int) -> ServerGroupWanted:
    return ServerGroupWanted(id="g1", name="web", policy=policy, rules=rules)


def group(**changes: Any) -> dict[str, Any]:
    ours = {"id": "there", "name": OURS, "policy": "anti-affinity", "rules": {}, "members": []}
    return ours | {"project_id": "p-ann", "user_id": "u"} | changes


async def test_a_group_is_made_in_its_project(
    cloud: OpenStackCloud, fake: FakeChild, authenticator: FakeAuthenticator
) -> None:
    fake.on(f"POST {GROUPS}", reply({"server_group": group(rules={"max_server_per_host": 2})}))
    seen = await cloud.actuators()["server_group"].create(ANN, wanted(max_server_per_host=2))
    assert (seen.remote_id, seen.marker, seen.rules) == ("there", "g1", {"max_server_per_host": 2})
    (sent,) = fake.said(f"POST {GROUPS}")
    assert sent.json["server_group"] == {
        "name": OURS, "policy": "anti-affinity", "rules": {"max_server_per_host": 2},
    }  # fmt: skip
    assert authenticator.asked[-1] == "p-ann"


@pytest.mark.parametrize(
    ("newest", "asked", "sent"),
    [
        ("2.1", wanted("affinity"), ["affinity"]),
        ("2.14", wanted(max_server_per_host=1), ["anti-affinity"]),
        ("2.15", wanted("soft-affinity"), ["soft-affinity"]),
        ("2.14", wanted("soft-affinity"), None),
        ("2.63", wanted(max_server_per_host=2), None),
    ],
)
async def test_an_older_child_has_a_list_of_policies(
    cloud: OpenStackCloud, fake: FakeChild, newest: str, asked: ServerGroupWanted, sent: list[str] | None
) -> None:
    """What it has no word for is refused, so that another cloud may be chosen."""
    fake.on("GET /compute/v2.1/", reply({"version": {"min_version": "2.1", "version": newest}}))
    fake.on(f"POST {GROUPS}", reply({"server_group": {"id": "there", "name": OURS, "policies": sent}}))
    groups = cloud.actuators()["server_group"]
    if sent is None:
        with pytest.raises(Refused, match="is too old for") as refusal:
            await groups.create(ANN, asked)
        assert refusal.value.elsewhere
        return
    assert (await groups.create(ANN, asked)).policy == sent[0]
    (heard,) = fake.said(f"POST {GROUPS}")
    assert heard.json["server_group"] == {"name": OURS, "policies": sent}


async def test_a_group_is_looked_for_by_its_name_and_the_childs_own_stay(
    cloud: OpenStackCloud, fake: FakeChild
) -> None:
    own = group(id="own", name="operators")
    fake.on(f"GET {GROUPS}", reply({"server_groups": [own, {"name": 7}, group()]}))
    groups = cloud.actuators()["server_group"]
    assert (await groups.find(ANN, wanted())).remote_id == "there"
    seen = [(one.remote_id, one.marker) async for one in groups.list_changed("")]
    assert seen == [("own", ""), ("there", "g1")]
    fake.on(f"GET {GROUPS}/own", reply({"server_group": own}))
    with pytest.raises(Missing):
        await groups.delete(ANN, "own")
    assert not [heard for heard in fake.heard if heard.method == "DELETE"]
