"""RBAC policies, declared (neutron.extensions.rbac). They are here alone: clouds hear of the things that are shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Index

from fractus.auth.base_rules import NEUTRON_ADMIN, NEUTRON_ADMIN_OR_MEMBER, NEUTRON_ADMIN_OR_READER
from fractus.base.ids import is_uuid
from fractus.model.resource import Presence, Resource, Summary
from fractus.services.field import Field, Match, named, text
from fractus.services.kind import Kind, table_of
from fractus.services.network.dialect import kind as neutron
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import read_only, standard
from fractus.services.network.dialect.schema.errors import invalid_input

EVERYBODY = "*"
SHARED, EXTERNAL = "access_as_shared", "access_as_external"

#: What can be shared by name, and the actions that Neutron has for it.
ACTIONS = {
    "network": (SHARED, EXTERNAL),
    "security_group": (SHARED,),
    "subnetpool": (SHARED,),
    "address_scope": (SHARED,),
    "qos_policy": (SHARED,),
    "address_group": (SHARED,),
}

_ONE_PROJECT = f"{NEUTRON_ADMIN} or not field:rbac_policy:target_tenant={EVERYBODY}"


def _type(value: Any) -> Any:
    normalized = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(normalized, str) or normalized not in ACTIONS:
        raise invalid_input(f"'{value}' is not a valid RBAC object type")
    return normalized


def _target(value: Any) -> Any:
    if value != EVERYBODY and not (isinstance(value, str) and is_uuid(value)):
        raise invalid_input(f"'{value}' is not a valid target project ID; expected a UUID or '*'")
    return value


def _given(name: str, size: int, **more: Any) -> Field:
    return Field(name, post=True, match=Match(name), column=text(name, size), **more)


_IDENTITY = {one.name: one for one in standard(tags_on_create=False)}

FIELDS = named([
    read_only("id", "id", sort=False),
    _given("object_type", 32, default=None, convert=_type, rule=NEUTRON_ADMIN_OR_MEMBER),
    _given("object_id", 36, check=values.uuid, rule=NEUTRON_ADMIN_OR_MEMBER),
    _given("target_tenant", 255, put=True, convert=_target, rule=_ONE_PROJECT),
    _IDENTITY["tenant_id"],
    _IDENTITY["project_id"],
    _given("action", 255, check=values.string(255), rule=NEUTRON_ADMIN_OR_MEMBER),
])  # fmt: skip

_KEPT = ("object_type", "object_id", "target_tenant", "action")


def _summarise(resource: Resource, _presences: Sequence[Presence] = ()) -> Summary:
    kept = {name: resource.desired[name] for name in _KEPT}
    whose = {"project_id": resource.project_id, "tenant_id": resource.project_id}
    return Summary("", {"id": resource.id, **kept, **whose}, columns={"name": "", **kept})


KIND = Kind(
    name="rbac_policy",
    service="network",
    collection="rbac_policies",
    extensions=("rbac-policies", "rbac-security-groups", "rbac-subnetpool", "rbac-address-scope"),
    fields=FIELDS,
    table=table_of("rbac_policy", FIELDS, Index("rbac_policy_by_object", "object_id")),
    summarise=_summarise,
    scope=neutron.own,
    target=neutron.target,
    rules=neutron.rules("rbac_policy", FIELDS, write=NEUTRON_ADMIN_OR_MEMBER, read=NEUTRON_ADMIN_OR_READER),
    costs=neutron.cost("rbac_policy"),
)
