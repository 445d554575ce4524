"""What a request about networks may say (neutron_lib.api.definitions.network and the extensions that are served)."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET

from fractus.model.errors import ApiError
from fractus.services.field import Bound, Field, Fields, Match, named
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import Item, read_only, standard
from fractus.services.network.dialect.schema.errors import invalid_input, not_carried

_PROVIDER = ("provider:network_type", "provider:physical_network", "provider:segmentation_id", "segments")

#: Characters that Neutron keeps hints in, as JSON.
_HINTS_SIZE = 255


def _too_many_hints(_of: str) -> ApiError:
    return invalid_input("Too many availability_zone_hints specified")


def _hints(value: Any) -> str | None:
    wrong = values.unique(values.string(_HINTS_SIZE))(value)
    if not wrong and len(json.dumps(value)) > _HINTS_SIZE:
        raise _too_many_hints("")
    return wrong


ATTRIBUTES: Fields = named([
    *standard(tags_on_create=True),
    Field(
        "name", post=True, put=True, default="", check=values.name(), match=Match("name"), sort="name"
    ),
    read_only("subnets"),
    Field(
        "admin_state_up", post=True, put=True, default=True, convert=values.to_boolean,
        match=Match("admin_state_up", values.to_boolean), sort="admin_state_up",
    ),
    read_only("status", "status"),
    Field(
        "shared", post=True, put=True, default=False, convert=values.to_boolean, rule=True,
        match=Match("shared", values.to_boolean),
    ),
    Field(
        "router:external", post=True, put=True, default=False, convert=values.to_boolean, rule=True,
        match=Match("external", values.to_boolean),
    ),
    Field(
        "mtu", post=True, put=True, default=0, convert=values.to_int, check=values.not_negative,
        match=Match("mtu", values.to_int), sort="mtu",
    ),
    Field(
        "port_security_enabled", post=True, put=True, default=True, convert=values.to_boolean, rule=True
    ),
    Field(
        "availability_zone_hints", post=True, default=[], bound=Bound(_HINTS_SIZE // 5, _too_many_hints),
        check=_hints, sort="hints",
    ),
    read_only("availability_zones"),
    Field(
        "provider:network_type", post=True, put=True, default=UNSET, rule=True, check=values.string(32)
    ),
    Field(
        "provider:physical_network", post=True, put=True, default=UNSET, rule=True, check=values.string(64)
    ),
    Field(
        "provider:segmentation_id", post=True, put=True, default=UNSET, rule=True, convert=values.to_int
    ),
    Field("segments", post=True, put=True, default=UNSET, rule=True),
])  # fmt: skip


def refuse_foreign(item: Item) -> None:
    """Refuse what no tenant network in a cloud can be told by us (law 10). To be asked after the policy."""
    for name in _PROVIDER:
        if name in item.given:
            raise not_carried(name, "each cloud chooses the wires of its networks itself")
    if "router:external" in item.given and item.values["router:external"]:
        raise not_carried("router:external", "only tenant networks are carried")
