"""Flavors of network services, declared (neutron_lib.api.definitions.flavors). They are here alone, and nobody's."""

from __future__ import annotations

from typing import Any

from fractus.auth.base_rules import NEUTRON_ADMIN
from fractus.auth.policy import RuleDefault
from fractus.model.carried import OURS, REFUSED
from fractus.services.field import Field, Match, flag, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only, stated
from fractus.services.network.dialect.schema.errors import invalid
from fractus.services.network.dialect.view import among

_WHY = "no cloud has one"

#: Services of Neutron that are served here.
SERVICES = ("CORE", "FLAVORS", "L3_ROUTER_NAT", "METERING", "QOS", "trunk")


def _service(value: Any) -> None:
    if value not in SERVICES:
        raise invalid(f"Invalid service type: {value}.", "InvalidServiceType")


FIELDS = named([
    read_only("id", "id"),
    neutron.NAME,
    Field(
        "description", post=True, put=True, default="", check=values.string_or_none(values.LONG_DESCRIPTION_SIZE),
        match=Match("description"), sort="description", column=text("description", values.LONG_DESCRIPTION_SIZE),
        carried=OURS, why=_WHY,
    ),
    Field(
        "service_type", post=True, check=_service, match=Match("service_type"), sort="service_type",
        column=text("service_type", 36),
    ),
    Field(
        "service_profiles", post=True, put=True, default=[], bound=stated("service_profiles"),
        check=values.unique(values.uuid), column=text("service_profiles", write=among),
        carried=REFUSED, foreign=bool, why="profiles are added to a flavor and removed from it by routes of their own",
    ),
    Field(
        "enabled", post=True, put=True, default=True, convert=values.to_boolean_or_true,
        match=Match("enabled", values.to_boolean), sort="enabled", column=flag("enabled", default=True),
        carried=OURS, why=_WHY,
    ),
])  # fmt: skip

KIND = Kind(
    name="network_flavor",
    resource="flavor",
    service="network",
    collection="flavors",
    extensions=("flavors",),
    fields=FIELDS,
    table=table_of("network_flavor", FIELDS),
    summarise=neutron.Documents(FIELDS, owned=False),
    scope=lambda _project_id: (),
    target=neutron.target,
    rules=(
        *neutron.rules("flavor", FIELDS, write=NEUTRON_ADMIN, read="role:reader"),
        RuleDefault("create_flavor_service_profile", NEUTRON_ADMIN, "Add a service profile to a flavor."),
        RuleDefault(
            "delete_flavor_service_profile", NEUTRON_ADMIN, "Remove a service profile from a flavor."
        ),
    ),
)
