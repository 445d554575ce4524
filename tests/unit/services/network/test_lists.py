"""Filters, fields, sorting, pages, tags: as a real Neutron 29 answers them."""

from __future__ import annotations

import pytest

from tests.unit.services.network.conftest import Tenant, error

FILTERS = [
    ("ports", {"name": "a"}, ["a"], "equality"),
    ("ports", {"name": ["a", "b"]}, ["a", "b"], "repeated: any of them"),
    ("ports", {"name": ""}, [], "empty-string-filtering: the empty name, not no filter"),
    ("ports", {"name": "a", "status": "DOWN"}, ["a"], "several: all of them"),
    ("ports", {"status": "ACTIVE"}, [], "none is bound"),
    ("ports", {"admin_state_up": "no"}, ["b"], "booleans in any spelling"),
    ("ports", {"device_owner": "compute:nova"}, ["b"], "whose device"),
    ("ports", {"device_id": "vm-1"}, ["b"], "which device"),
    ("ports", {"mac_address": "FA:16:3E:00:00:01"}, ["a"], "MACs in any spelling"),
    ("ports", {"fixed_ips": "ip_address=10.0.0.50"}, ["a"], "an address"),
    ("ports", {"fixed_ips": ["ip_address=10.0.0.50", "ip_address=10.0.0.51"]}, ["a", "b"], "one of two"),
    ("ports", {"fixed_ips": ["ip_address=10.0.0.50", "subnet_id={other}"]}, [], "both must hold"),
    ("ports", {"fixed_ips": "ip_address_substr=.0.5"}, ["a", "b"], "part of an address"),
    ("ports", {"fixed_ips": "ip_address=10.0.0.5"}, [], "a whole address is not part of another"),
    ("ports", {"fixed_ips": "subnet_id={subnet}"}, ["a", "b"], "a subnet"),
    ("ports", {"fixed_ips": "foo=bar", "name": "a"}, ["a"], "unknown keys mean nothing"),
    ("ports", {"security_groups": "{group}"}, ["a", "b", "c"], "one of several in a list"),
    ("ports", {"network_id": "{net}"}, ["a", "b"], "a network"),
    ("ports", {"description": "mine"}, ["c"], "standard attributes"),
    ("ports", {"tags": "red"}, ["a", "b"], "one tag"),
    ("ports", {"tags": "red,blue"}, ["a"], "all of several"),
    ("ports", {"tags-any": "blue,green"}, ["a", "c"], "any of several"),
    ("ports", {"not-tags": "red,blue"}, ["b", "c"], "not all of several"),
    ("ports", {"not-tags-any": "blue,green"}, ["b"], "none of several"),
    ("ports", {"tags": "RED"}, [], "the case of tags counts"),
    ("ports", {"tags": "r.d"}, [], "tags are no patterns"),
    ("ports", {"tenant_id": "{project}"}, ["a", "b", "c"], "the older name of the project"),
    ("ports", {"project_id": "x"}, [], "another project"),
    ("ports", {"id": "{a}"}, ["a"], "an id"),
    ("networks", {"name": "one"}, ["one"], "networks"),
    ("networks", {"shared": "true"}, [], "no shared ones"),
    ("networks", {"router:external": "False"}, ["one", "two"], "all are internal"),
    ("networks", {"mtu": "1450"}, ["one", "two"], "numbers"),
    ("networks", {"revision_number": "2"}, ["one", "two"], "a subnet was added to each"),
    ("subnets", {"gateway_ip": "10.0.0.1"}, ["s"], "gateways"),
    ("subnets", {"cidr": "10.0.0.7/24"}, ["s"], "a CIDR with host bits"),
    ("subnets", {"ip_version": "4", "enable_dhcp": "1"}, ["s", "t"], "numbers and booleans"),
]


async def _furnish(ann: Tenant) -> dict[str, str]:
    one, two = [await ann.create("network", name=name) for name in ("one", "two")]
    s = await ann.create("subnet", network_id=one["id"], cidr="10.0.0.0/24", ip_version=4, name="s")
    t = await ann.create("subnet", network_id=two["id"], cidr="10.1.0.0/24", ip_version=4, name="t")
    a = await ann.create(
        "port", network_id=one["id"], name="a", mac_address="fa:16:3e:00:00:01", tags=["red", "blue"],
        fixed_ips=[{"ip_address": "10.0.0.50"}],
    )  # fmt: skip
    await ann.create(
        "port", network_id=one["id"], name="b", admin_state_up=False, tags=["red"], device_id="vm-1",
        device_owner="compute:nova", fixed_ips=[{"ip_address": "10.0.0.51"}],
    )  # fmt: skip
    await ann.create("port", network_id=two["id"], name="c", description="mine", tags=["green"])
    return {
        "{net}": one["id"], "{subnet}": s["id"], "{other}": t["id"], "{group}": a["security_groups"][0],
        "{project}": ann.project_id, "{a}": a["id"],
    }  # fmt: skip


async def test_filters(ann: Tenant) -> None:
    names = await _furnish(ann)

    def filled(value: str) -> str:
        for name, id in names.items():
            value = value.replace(name, id)
        return value

    for path, query, expected, reason in FILTERS:
        asked = {
            name: [filled(one) for one in value] if isinstance(value, list) else filled(value)
            for name, value in query.items()
        }
        found = await ann.listed(path, **asked)
        assert sorted(one["name"] for one in found) == expected, reason


REFUSED = [
    ("networks?foo=1", "HTTPBadRequest", "['foo'] is invalid attribute for filtering"),
    ("networks?subnets=x", "HTTPBadRequest", "['subnets'] is invalid attribute for filtering"),
    ("networks?created_at=x", "HTTPBadRequest", "['created_at'] is invalid attribute for filtering"),
    ("ports?ip_address=1", "HTTPBadRequest", "['ip_address'] is invalid attribute for filtering"),
    ("ports?fixed_ips=foo", "InvalidInput", "Invalid input for operation: 'foo' is not of the form <key>=[value]."),
    ("networks?mtu=x", "InvalidInput", "Invalid input for operation: 'x' is not an integer."),
    (
        "networks?admin_state_up=maybe", "InvalidInput",
        "Invalid input for operation: 'maybe' cannot be converted to boolean.",
    ),
    ("subnets?cidr=x", "InvalidInput", "Invalid input for operation: x is not in a CIDR format."),
    ("ports?limit=x", "BadRequest", "Bad limit request: Limit must be an integer 0 or greater and not 'x'."),
    ("ports?sort_key=foo&sort_dir=asc", "HTTPBadRequest", "['foo'] is invalid attribute for sort_keys"),
    ("ports?sort_key=fixed_ips&sort_dir=asc", "HTTPBadRequest", "['fixed_ips'] is invalid attribute for sort_keys"),
    ("networks?sort_key=shared&sort_dir=asc", "HTTPBadRequest", "['shared'] is invalid attribute for sort_keys"),
    ("ports?sort_key=name", "HTTPBadRequest", "The number of sort_keys and sort_dirs must be same"),
    (
        "ports?sort_key=name&sort_dir=up", "HTTPBadRequest",
        "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
    ),
]  # fmt: skip


async def test_queries_that_are_refused(ann: Tenant) -> None:
    for path, kind, sentence in REFUSED:
        reply = await ann.raw("GET", path)
        if "limit" in path:
            assert error(reply)[::2] == (400, sentence)
        else:
            assert error(reply) == (400, kind, sentence), path


async def test_fields(ann: Tenant) -> None:
    net, _ = await ann.network()
    assert await ann.listed("networks", fields=["name", "mtu", "foo"]) == [{"name": "net", "mtu": 1450}]
    assert (await ann.get(f"networks/{net}", fields="id")).ok() == {"network": {"id": net}}
    assert (await ann.get(f"networks/{net}", fields="foo")).ok() == {"network": {}}


def _path(url: str) -> str:
    """A link as a path of ours; empty where there is none."""
    return url and "/" + url.partition("//")[2].partition("/")[2]


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_follow_one_another(ann: Tenant, descending: bool) -> None:
    for name in "cabdacb":
        await ann.create("network", name=name)
    query = {"sort_key": "name", "sort_dir": "desc" if descending else "asc"}
    whole = [one["id"] for one in await ann.listed("networks", **query)]
    assert len(whole) == 7
    url, walked, pages = (
        "/network/v2.0/networks?limit=3&" + "&".join(f"{k}={v}" for k, v in query.items()),
        [],
        [],
    )
    while url:
        body = (await ann.user.get(url)).ok()
        pages.append(body)
        walked += [one["id"] for one in body["networks"]]
        links = {link["rel"]: link["href"] for link in body.get("networks_links", [])}
        url = _path(links.get("next", ""))
    assert walked == whole
    assert [len(page["networks"]) for page in pages] == [3, 3, 1]
    back = {link["rel"]: link["href"] for link in pages[-1]["networks_links"]}["previous"]
    before = (await ann.user.get(_path(back))).ok()["networks"]
    assert [one["id"] for one in before] == whole[3:6], "page_reverse: the page before, in the same order"
    last = (await ann.get("networks", limit=2, page_reverse="True", **query)).ok()["networks"]
    assert [one["id"] for one in last] == whole[5:], "without a marker: the end"


async def test_markers_of_others_are_as_unknown_as_none(ann: Tenant, bob: Tenant) -> None:
    net, _ = await bob.network()
    for marker in (net, "nope"):
        reply = await ann.get("networks", limit=1, marker=marker)
        assert error(reply) == (404, "NetworkNotFound", f"Network {marker} could not be found.")


async def test_old_clients_ask_for_json_in_the_path(ann: Tenant) -> None:
    net, _ = await ann.network()
    assert [one["id"] for one in await ann.listed("networks.json")] == [net]
    assert (await ann.get(f"networks/{net}.json")).ok()["network"]["id"] == net
    links = (await ann.get("networks.json", limit=1)).ok()["networks_links"]
    assert _path(links[0]["href"]).startswith("/network/v2.0/networks.json?limit=1&marker=")


async def test_tags(ann: Tenant) -> None:
    net, _ = await ann.network()
    tags = f"networks/{net}/tags"
    before = (await ann.show("network", net))["revision_number"]
    assert (await ann.raw("PUT", f"{tags}/a")).status == 201
    assert (await ann.raw("PUT", f"{tags}/a,b", "{}")).status == 201, "what its body says means nothing"
    assert (await ann.raw("GET", f"{tags}/a")).status == 204
    assert (await ann.raw("POST", tags, {"tags": ["c", "a"]})).ok() == {"tags": ["c", "a"]}
    assert (await ann.get(tags)).ok() == {"tags": ["a", "a,b", "c"]}
    found = await ann.show("network", net)
    assert found["tags"] == ["a", "a,b", "c"]
    assert found["revision_number"] == before + 3
    assert (await ann.raw("DELETE", f"{tags}/c")).status == 204
    assert error(await ann.raw("DELETE", f"{tags}/c")) == (404, "TagNotFound", "Tag c could not be found.")
    assert (await ann.raw("PUT", tags, {"tags": ["x|y"]})).ok() == {"tags": ["x|y"]}
    assert len(await ann.listed("networks", tags="x|y")) == 1
    assert await ann.listed("networks", tags="x") == []
    assert (await ann.raw("DELETE", tags)).status == 204
    assert (await ann.get(tags)).ok() == {"tags": []}
    for body, sentence in (
        ({"tags": ["b", "b"]}, "Invalid input for operation: Duplicate items in the list: 'b'."),
        ({"tags": "b"}, "Invalid input for operation: 'b' is not a list."),
        ({"tags": [1]}, "Invalid input for operation: '1' is not a valid string."),
        ({"foo": []}, "Invalid input for operation: Invalid tags body."),
        (
            {"tags": [str(n) for n in range(51)]},
            "Bad networks request: The number of tags exceed the per-resource limit of 50.",
        ),
    ):  # fmt: skip
        assert error(await ann.raw("PUT", tags, body))[::2] == (400, sentence)
    assert error(await ann.raw("GET", "networks/nope/tags"))[:2] == (404, "NetworkNotFound"), (
        "a 500 of Neutron's"
    )
