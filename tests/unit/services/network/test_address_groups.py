"""Address groups beyond their file of requests: the forms of addresses, revisions, bulk, and rules that name one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_engine, select

from fractus.model.errors import Invalid
from fractus.model.resource import Resource
from fractus.services.network.address_groups import schema
from fractus.services.network.dialect.schema.attributes import MOST
from fractus.services.network.security_groups.kind import ADDRESSES, RULE, RULES
from fractus.testing.world import World
from tests.unit.services.network.conftest import Tenant, error


async def group(by: Tenant, *addresses: str) -> dict[str, Any]:
    return await by.create("address_group", name="group", addresses=[*addresses])


async def act(by: Tenant, id: str, verb: str, *addresses: str) -> Any:
    return await by.raw("PUT", f"address-groups/{id}/{verb}_addresses", {"addresses": [*addresses]})


#: Answers of Neutron 29.
RANGES = [
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("192.0.2.5/24", "192.0.2.0/24"),  # without host bits
    ("2001:DB8::1/32", "2001:db8::/32"),
    ("192.0.2.1", "192.0.2.1/32"),  # one address
    ("1.2.3.0/255.255.255.0", "1.2.3.0/24"),  # an action takes masks, a create does not
]


@pytest.mark.parametrize(("given", "kept"), RANGES)
def test_a_range_has_one_form(given: str, kept: str) -> None:
    assert schema.addresses_of({"addresses": [given, kept]}) == [kept]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"addresses": ["ten"]}, "invalid IPNetwork ten"),
        ({"addresses": [""]}, "invalid IPNetwork "),
        ({"addresses": ["1.1.1.1/33"]}, "invalid IPNetwork 1.1.1.1/33"),
        ({"addresses": ["fe80::1%eth0/64"]}, "invalid IPNetwork fe80::1%eth0/64"),  # a zone is of one machine
        ({"addresses": [5]}, "invalid IPNetwork 5"),  # from here on Neutron answers 500
        ({"addresses": "ten"}, "Invalid input for addresses. Reason: 'ten' is not a list."),
        ({}, "Invalid input for addresses. Reason: 'None' is not a list."),
        (None, "Invalid input for addresses. Reason: 'None' is not a list."),
        (
            {"addresses": ["1.1.1.1"] * (MOST + 1)},
            f"Invalid input for addresses. Reason: more than {MOST} items are not allowed.",
        ),
    ],
)
def test_what_is_no_list_of_ranges_is_refused(body: Any, sentence: str) -> None:
    with pytest.raises(Invalid, match="^" + sentence.replace("(", r"\(") + "$"):
        schema.addresses_of(body)


async def test_each_address_is_a_change_and_they_are_shown_in_order(ann: Tenant) -> None:
    made = await group(ann, "9.9.9.9/32", "192.0.2.5/24", "10.0.0.0/8")
    assert (made["addresses"], made["revision_number"]) == (["10.0.0.0/8", "192.0.2.0/24", "9.9.9.9/32"], 3)
    assert "tags" not in made
    assert "shared" not in made
    more = (await act(ann, made["id"], "add", "1.1.1.1", "2001:db8::1/32")).ok()["address_group"]
    assert (more["addresses"][0], more["revision_number"]) == ("1.1.1.1/32", 5)
    less = (await act(ann, made["id"], "remove", *more["addresses"])).ok()["address_group"]
    assert (less["addresses"], less["revision_number"]) == ([], 10)
    same = (await act(ann, made["id"], "remove")).ok()["address_group"]
    assert same == less == await ann.show("address_group", made["id"])


async def test_a_group_does_not_grow_without_end(ann: Tenant) -> None:
    id = (await group(ann, *(f"10.0.{n}.0/24" for n in range(MOST))))["id"]
    assert error(await act(ann, id, "add", "1.1.1.1"))[:2] == (400, "HTTPBadRequest")


@pytest.mark.parametrize("wrong", ["1.1.1.0/255.255.255.0", "fe80::1%eth0/64"])
async def test_a_create_takes_neither_masks_nor_zones(ann: Tenant, wrong: str) -> None:
    refused = error(await ann.ask("address_group", addresses=[wrong]))
    assert refused[2] == f"Invalid input for addresses. Reason: '{wrong}' is not a valid IP subnet."


async def test_several_are_made_at_once(ann: Tenant) -> None:
    body = {"address_groups": [{"name": "a"}, {"name": "b", "addresses": ["1.0.0.0/8"]}]}
    made = (await ann.raw("POST", "address-groups", body)).ok()["address_groups"]
    assert [one["addresses"] for one in made] == [[], ["1.0.0.0/8"]]


async def rule(by: Tenant, group_id: str, id: str, **more: Any) -> Any:
    body = {"security_group_id": group_id, "direction": "ingress", "remote_address_group_id": id, **more}
    return await by.ask("security_group_rule", **body)


async def test_a_rule_names_one_of_its_own_project(ann: Tenant, bob: Tenant) -> None:
    id = (await group(ann, "10.1.0.0/16"))["id"]
    mine, theirs = [await by.create("security_group", name="group") for by in (ann, bob)]
    made = (await rule(ann, mine["id"], id)).ok()["security_group_rule"]
    assert (made["remote_address_group_id"], made["remote_ip_prefix"]) == (id, None)
    assert made in (await ann.show("security_group", mine["id"]))["security_group_rules"]
    assert error(await rule(ann, mine["id"], id))[:2] == (409, "SecurityGroupRuleExists")
    refused = (404, "AddressGroupNotFound", f"Address group {id} could not be found.")
    assert error(await rule(bob, theirs["id"], id)) == refused


async def test_a_change_of_one_is_no_change_of_the_rules_that_name_it(ann: Tenant) -> None:
    """As in Neutron: neither they nor their group have another revision."""
    id = (await group(ann, "10.1.0.0/16"))["id"]
    before = await ann.create("security_group", name="group")
    (await rule(ann, before["id"], id)).ok()
    revision = (await ann.show("security_group", before["id"]))["revision_number"]
    (await act(ann, id, "add", "10.2.0.0/16")).ok()
    after = await ann.show("security_group", before["id"])
    assert after["revision_number"] == revision
    in_use = f"Address group {id} is in use on one or more security group rules."
    assert error(await ann.delete("address_group", id)) == (409, "AddressGroupInUse", in_use)
    (named,) = [one for one in after["security_group_rules"] if one["remote_address_group_id"]]
    assert (await ann.delete("security_group_rule", named["id"])).status == 204
    assert (await ann.delete("address_group", id)).status == 204


async def test_clouds_are_sent_a_rule_for_each_address_of_its_family(world: World) -> None:
    user = world.user("ann")
    ann = Tenant(user)
    id = (await group(ann, "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32"))["id"]
    made = await ann.create("security_group", name="web")
    (await rule(ann, made["id"], id, protocol="tcp", port_range_min=80, port_range_max=80)).ok()
    await user.boots_server("one", network=await user.makes_network("net"), security_groups=[{"name": "web"}])

    async def let_in() -> list[tuple[str | None, str | None]]:
        await world.settle()
        (there,) = world.cloud("a").marked("security_group", made["id"])
        ingress = [one for one in there.rules if one.direction == "ingress"]
        assert {one.port_range_min for one in ingress} <= {80}
        return sorted((one.ethertype, one.remote_ip_prefix) for one in ingress)

    assert await let_in() == [("IPv4", "10.1.0.0/16"), ("IPv4", "192.0.2.7/32")]
    (await act(ann, id, "add", "10.2.0.0/16")).ok()
    (await act(ann, id, "remove", "192.0.2.7/32")).ok()
    assert await let_in() == [("IPv4", "10.1.0.0/16"), ("IPv4", "10.2.0.0/16")]
    (await act(ann, id, "remove", "10.1.0.0/16", "10.2.0.0/16")).ok()
    assert await let_in() == [], "nobody, and not everybody"


async def test_a_group_keeps_no_addresses_of_groups_that_its_rules_name_no_more(
    world: World, ann: Tenant
) -> None:
    """Else its row would grow with each address group that a rule ever named."""
    one, two = [(await group(ann, f"10.{n}.0.0/16"))["id"] for n in (1, 2)]
    made = await ann.create("security_group", name="group")
    first, _ = [(await rule(ann, made["id"], id)).ok()["security_group_rule"] for id in (one, two)]
    assert (await ann.delete("security_group_rule", first["id"])).status == 204
    kept = await world.core.resources.fetch(world.core.store, "security_group", made["id"])
    assert kept is not None
    assert kept.desired[ADDRESSES] == {two: ["10.2.0.0/16"]}


async def test_rules_that_name_one_are_kept_apart_from_what_older_processes_read() -> None:
    """To one that knows no address groups such a rule would let everybody in."""
    whole = Resource(kind="security_group", id="g", project_id="p", desired={"name": "g", "rules": []})
    plain = {"id": "1", "remote_address_group_id": None}
    named = {"id": "2", "remote_address_group_id": "a"}
    RULES.keep(whole, [named, plain])
    assert whole.desired["rules"] == [plain]
    assert RULES.among(whole) == [plain, named]
    RULES.keep(whole, [plain])
    assert RULES.among(whole) == [plain]


def test_the_rules_that_name_one_are_found_by_an_index() -> None:
    named = select(RULE.table.c.security_group_id).where(RULE.table.c.remote_address_group_id == "one")
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        RULE.table.create(connection)
        text = str(named.compile(engine, compile_kwargs={"literal_binds": True}))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").fetchall()
    assert "security_group_rule_by_addresses" in plan[0][3]
