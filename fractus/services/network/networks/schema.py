"""What a request about networks may say (neutron_lib.api.definitions.network and the extensions that are served)."""

from __future__ import annotations

import json
from typing import Any

from msgspec import UNSET

from fractus.model.errors import ApiError
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import (
    Attribute,
    AttributeMap,
    Bound,
    Item,
    Match,
    read_only,
    standard,
)
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


ATTRIBUTES: AttributeMap = {
    **standard(tags_on_create=True),
    "name": Attribute(
        post=True, put=True, default="", check=values.name(), match=Match("name"), sort="name"
    ),
    "subnets": read_only(),
    "admin_state_up": Attribute(
        post=True, put=True, default=True, convert=values.to_boolean,
        match=Match("admin_state_up", values.to_boolean), sort="admin_state_up",
    ),
    "status": read_only("status"),
    "shared": Attribute(
        post=True, put=True, default=False, convert=values.to_boolean, rule=True,
        match=Match("shared", values.to_boolean),
    ),
    "router:external": Attribute(
        post=True, put=True, default=False, convert=values.to_boolean, rule=True,
        match=Match("external", values.to_boolean),
    ),
    "mtu": Attribute(
        post=True, put=True, default=0, convert=values.to_int, check=values.not_negative,
        match=Match("mtu", values.to_int), sort="mtu",
    ),
    "port_security_enabled": Attribute(
        post=True, put=True, default=True, convert=values.to_boolean, rule=True
    ),
    "availability_zone_hints": Attribute(
        post=True, default=[], bound=Bound(_HINTS_SIZE // 5, _too_many_hints), check=_hints, sort="hints"
    ),
    "availability_zones": read_only(),
    "provider:network_type": Attribute(
        post=True, put=True, default=UNSET, rule=True, check=values.string(32)
    ),
    "provider:physical_network": Attribute(
        post=True, put=True, default=UNSET, rule=True, check=values.string(64)
    ),
    "provider:segmentation_id": Attribute(
        post=True, put=True, default=UNSET, rule=True, convert=values.to_int
    ),
    "segments": Attribute(post=True, put=True, default=UNSET, rule=True),
}  # fmt: skip


def refuse_foreign(item: Item) -> None:
    """Refuse what no tenant network in a cloud can be told by us (law 10). To be asked after the policy."""
    for name in _PROVIDER:
        if name in item.given:
            raise not_carried(name, "each cloud chooses the wires of its networks itself")
    if "router:external" in item.given and item.values["router:external"]:
        raise not_carried("router:external", "only tenant networks are carried")
