"""docs/carried-fields.md says what the kinds declare, and they declare everything that users change."""

from __future__ import annotations

import pytest

from fractus.app.kinds import ENTRIES
from fractus.app.registry import CARRIED_FIELDS, TABLES
from fractus.model.carried import CARRIED, OURS, REFUSED
from fractus.services.field import Fields
from fractus.services.image.images.schema import SETTABLE
from fractus.services.network.networks.kind import FIELDS as NETWORK
from fractus.services.network.ports.kind import FIELDS as PORT
from fractus.services.network.security_groups.kind import FIELDS as GROUP_ATTRIBUTES
from fractus.services.network.subnets.kind import FIELDS as SUBNET
from tools.docs import carried, coverage

NETWORK_KINDS: dict[str, Fields] = {
    "network": NETWORK,
    "subnet": SUBNET,
    "port": PORT,
    "security_group": GROUP_ATTRIBUTES,
}

#: Routes that change a part of a thing, and the field that this part is.
PARTS = {
    "PUT /flavors/{flavor_id}": "description",
    "POST /flavors/{flavor_id}/action#addTenantAccess": "access",
    "POST /flavors/{flavor_id}/action#removeTenantAccess": "access",
    "POST /flavors/{flavor_id}/os-extra_specs": "extra_specs",
    "PUT /flavors/{flavor_id}/os-extra_specs/{key}": "extra_specs",
    "DELETE /flavors/{flavor_id}/os-extra_specs/{key}": "extra_specs",
    "POST /images/{image_id}/actions/deactivate": "status",
    "POST /images/{image_id}/actions/reactivate": "status",
    "POST /images/{image_id}/members": "members",
    "PUT /images/{image_id}/members/{member_id}": "member status",
    "DELETE /images/{image_id}/members/{member_id}": "members",
    "PUT /images/{image_id}/tags/{tag}": "tags",
    # Nova's proxy of them.
    "POST /images/{image_id}/metadata": "properties",
    "PUT /images/{image_id}/metadata": "properties",
    "PUT /images/{image_id}/metadata/{key}": "properties",
    "DELETE /images/{image_id}/metadata/{key}": "properties",
    "DELETE /images/{image_id}/tags/{tag}": "tags",
    "POST /security-group-rules": "rules",
    "POST /ports/{id}/bindings": "binding:host_id",  # judged, and never made, as those below
    "PUT /ports/{id}/bindings/{host}": "binding:host_id",
    "PUT /ports/{id}/bindings/{host}/activate": "binding:host_id",
    "DELETE /ports/{id}/bindings/{host}": "binding:host_id",
    "DELETE /security-group-rules/{id}": "rules",
    "PUT /security-group-rules/{id}": "rules",  # judged, and never made
}

#: Routes that make a thing, give it its bits, or end it; those that change fields by name are judged by their schemas.
WHOLE = {
    *(
        f"{method} {path}"
        for path in ("/networks", "/subnets", "/ports", "/security-groups")
        for method in ("POST",)
    ),
    *(
        f"{method} {path}/{{id}}"
        for path in ("/networks", "/subnets", "/ports", "/security-groups")
        for method in ("PUT", "DELETE")
    ),
    *("POST /flavors", "DELETE /flavors/{flavor_id}", "POST /os-keypairs", "DELETE /os-keypairs/{name}"),
    *("POST /images", "PATCH /images/{image_id}", "DELETE /images/{image_id}"),
    *(
        f"{method} /images/{{image_id}}/{part}"
        for method, part in (("PUT", "file"), ("PUT", "stage"), ("POST", "import"))
    ),
    "POST /images/{image_id}/locations",
}

_COLLECTIONS = (
    "flavors",
    "os-keypairs",
    "images",
    "networks",
    "subnets",
    "ports",
    "security-groups",
    "security-group-rules",
)

#: Collections of things that are in no cloud, which have the names of others that are.
_NOWHERE = {("network", "flavors")}


def names(kind: str) -> set[str]:
    return {field.name for field in CARRIED_FIELDS[kind]}


def test_the_page_is_up_to_date() -> None:
    written = (coverage.LISTS.parents[1] / carried.PLACE).read_text("utf-8")
    assert written == carried.page(), "run `make docs`"


def test_every_carried_kind_declares_its_fields() -> None:
    nowhere = {one.kind.name for one in ENTRIES if one.lifecycle is None}
    assert (
        set(CARRIED_FIELDS)
        == set(TABLES) - {"server", "router_interface", "group_members", "volume_attachment"} - nowhere
    )


@pytest.mark.parametrize("kind", CARRIED_FIELDS)
def test_what_is_not_carried_says_why(kind: str) -> None:
    for field in CARRIED_FIELDS[kind]:
        assert field.how in (CARRIED, REFUSED, OURS)
        assert field.why or field.how == CARRIED, field.name
    assert len(names(kind)) == len(CARRIED_FIELDS[kind])


@pytest.mark.parametrize("kind", NETWORK_KINDS)
def test_every_attribute_that_a_put_may_name_is_declared(kind: str) -> None:
    assert {name for name, one in NETWORK_KINDS[kind].items() if one.put} | {"tags"} <= names(kind)


def test_every_attribute_that_a_patch_of_an_image_may_name_is_declared() -> None:
    assert {*SETTABLE, "properties"} <= names("image")


def test_every_route_that_changes_a_part_of_a_carried_thing_is_declared() -> None:
    unknown = set()
    every = set().union(*(names(kind) for kind in CARRIED_FIELDS))
    for service in coverage.services():
        for route in service.routes:
            path = route.path.removesuffix(".json")
            reported = f"{route.method} {path}" + (f"#{route.action}" if route.action else "")
            changes = (
                route.method in ("POST", "PUT", "PATCH", "DELETE")
                and path.split("/")[1] in _COLLECTIONS
                and (service.service.type, path.split("/")[1]) not in _NOWHERE
            )
            if not changes or route.rule == coverage.REMOVED or reported in WHOLE:
                continue
            field = "tags" if "/tags" in path else PARTS.get(reported, "")
            if field not in every:
                unknown.add(reported)
    assert not unknown, "what becomes of them in clouds is nowhere said"
