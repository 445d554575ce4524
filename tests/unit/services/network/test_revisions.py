"""`If-Match` with a revision number: what is changed is what the caller saw last. Facts: a real Neutron 29."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.services.network.conftest import Tenant, error

FORM = "Bad if-match request: Revision number etag must be in the format of revision_number=<int>."
MANY = "Bad if-match request: Multiple revision_number etags are not supported.."

HEADERS: list[tuple[str, int, str, str]] = [
    ("revision_number=1", 200, "", "the last one"),
    ('"revision_number=1"', 200, "", "as a tag, in quotes"),
    ("revision_number=99", 412, "Constrained to 99, but current revision is 1", "another one"),
    ("revision_number=-1", 412, "Constrained to -1, but current revision is 1", "one that nothing ever has"),
    ("revision_number=abc", 400, FORM, "no number"),
    ("revision_number=", 400, FORM, "none at all"),
    ("revision_number=1,revision_number=2", 400, FORM, "without quotes it is one tag"),
    ('"revision_number=1", "revision_number=2"', 400, MANY, "two conditions"),
    ("foo=1,revision_number=9", 200, "", "a tag that begins otherwise"),
    ("REVISION_NUMBER=9", 200, "", "case counts"),
    ('W/"revision_number=9"', 200, "", "a weak tag is none of a strong comparison"),
    ("*", 200, "", "whatever is there"),
    ("x", 200, "", "a tag of another sort"),
]


@pytest.mark.parametrize(("header", "status", "sentence", "reason"), HEADERS)
async def test_a_change_names_the_revision(
    ann: Tenant, header: str, status: int, sentence: str, reason: str
) -> None:
    id, _ = await ann.network()
    reply = await ann.raw("PUT", f"networks/{id}", {"network": {"name": "new"}}, **{"If-Match": header})
    assert reply.status == status, reason
    if sentence:
        assert error(reply)[2] == sentence, reason
    assert (await ann.show("network", id))["name"] == ("net" if sentence else "new")


def matching(number: int) -> dict[str, str]:
    return {"If-Match": f"revision_number={number}"}


async def everything(ann: Tenant) -> dict[str, str]:
    """One of each kind that has revisions: path -> id."""
    net, (subnet,) = await ann.network("10.77.0.0/24")
    port = await ann.create("port", network_id=net)
    pool = await ann.create("subnetpool", name="pool", prefixes=["10.78.0.0/16"])
    scope = await ann.create("address_scope", name="scope", ip_version=4)
    group = await ann.create("address_group", name="group")
    security_group = await ann.create("security_group", name="group")
    return {
        "ports": port["id"],
        "subnets": subnet,
        "networks": net,
        "subnetpools": pool["id"],
        "address-groups": group["id"],
        "security-groups": security_group["id"],
        "address-scopes": scope["id"],
    }


async def test_every_kind_with_revisions_compares_them(ann: Tenant) -> None:
    for path, id in (await everything(ann)).items():
        kind = path.removesuffix("s").replace("-", "_")
        url, body = f"{path}/{id}", {kind: {"name": "new"}}
        last = (await ann.show(kind, id)).get("revision_number")
        if last is None:  # address scopes have none
            refused = error(await ann.raw("PUT", url, body, **matching(0)))
            assert refused == (
                400, "BadRequest", "Bad address_scopes request: Revision matching not supported for this resource.",
            )  # fmt: skip
            continue
        wrong = await ann.raw("PUT", url, body, **matching(last + 1))
        assert error(wrong)[:2] == (412, "RevisionNumberConstraintFailed"), path
        assert (await ann.raw("PUT", url, body, **matching(last))).ok()[kind]["revision_number"] == last + 1
        assert (await ann.raw("DELETE", url, **matching(last))).status == 412, path
        assert (await ann.raw("DELETE", url, **matching(last + 1))).status == 204, path


async def test_an_action_names_the_revision_too(ann: Tenant) -> None:
    pool = await ann.create("subnetpool", name="pool", prefixes=["10.77.0.0/16"])
    url, body = f"subnetpools/{pool['id']}/add_prefixes", {"prefixes": ["10.78.0.0/16"]}
    assert (await ann.raw("PUT", url, body, **matching(9))).status == 412
    assert (await ann.raw("PUT", url, body, **matching(pool["revision_number"]))).status == 200


async def test_a_rule_is_deleted_at_the_revision_that_was_seen(ann: Tenant) -> None:
    group = await ann.create("security_group", name="group")
    rule = group["security_group_rules"][0]
    url = f"security-group-rules/{rule['id']}"
    assert (await ann.raw("DELETE", url, **matching(9))).status == 412
    assert (await ann.raw("DELETE", url, **matching(rule["revision_number"]))).status == 204


async def test_what_is_wrong_otherwise_is_said_first(ann: Tenant, bob: Tenant) -> None:
    id, _ = await ann.network()
    cases: list[tuple[Tenant, Any, int]] = [
        (ann, {"bad": 1}, 400),
        (ann, {"shared": True}, 403),
        (bob, {"name": "new"}, 404),
        (ann, {"mtu": 99999999}, 412),
        (ann, {}, 200),
    ]
    for who, changes, status in cases:
        reply = await who.raw("PUT", f"networks/{id}", {"network": changes}, **matching(99))
        assert reply.status == status, changes


async def test_what_is_in_use_is_said_to_be_so(ann: Tenant) -> None:
    id, _ = await ann.network("10.77.0.0/24")
    await ann.create("port", network_id=id)
    assert error(await ann.raw("DELETE", f"networks/{id}", **matching(99)))[:2] == (409, "NetworkInUse")


async def test_of_two_that_change_the_same_revision_one_does(ann: Tenant) -> None:
    id, _ = await ann.network()
    for last in range(1, 4):
        replies = await asyncio.gather(
            *(
                ann.raw("PUT", f"networks/{id}", {"network": {"name": f"{last} {who}"}}, **matching(last))
                for who in ("one", "two", "three")
            )
        )
        assert sorted(reply.status for reply in replies) == [200, 412, 412]
