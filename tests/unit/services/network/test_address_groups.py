"""Address groups beyond their file of requests: the forms of addresses, revisions, bulk, and rules that name one."""

from __future__ import annotations

from typing import Any

import pytest

from fractus.model.errors import Invalid
from fractus.services.network.address_groups import schema
from fractus.services.network.dialect.schema.attributes import MOST
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


async def test_a_rule_that_names_one_is_refused_by_name(ann: Tenant, bob: Tenant) -> None:
    id = (await group(ann))["id"]
    for by, status in ((ann, 400), (bob, 404)):
        groups = await by.listed("security-groups")
        rule = {"security_group_id": groups[0]["id"], "direction": "ingress", "remote_address_group_id": id}
        refused = error(await by.ask("security_group_rule", **rule))
        assert refused[0] == status
        assert status == 404 or "'remote_address_group_id' cannot be carried" in refused[2]
