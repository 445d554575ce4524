"""Provider attributes of networks (neutron_lib.api.definitions.provider_net and multiprovidernet). Pure.

One segment stands in three attributes of its own, several in a list of objects with the same names. A network that is
in several clouds has a segment in each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from fractus.model.resource import Presence, Resource
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.errors import invalid, invalid_input, malformed

TYPE, PHYSICAL, ID = "provider:network_type", "provider:physical_network", "provider:segmentation_id"
SEGMENTS = "segments"
ATTRIBUTES = (TYPE, PHYSICAL, ID)
#: Types that have no physical network, and the ids of VLANs.
_TUNNELS = ("gre", "vxlan", "geneve")
_VLANS = range(1, 4095)


def to_segments(value: Any) -> Any:
    """Segments with all of their attributes; `Invalid` where one has others."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return value
    for one in value:
        unknown = sorted(set(one) - set(ATTRIBUTES))
        if unknown:
            raise malformed(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    return [
        {
            TYPE: one.get(TYPE),
            PHYSICAL: one.get(PHYSICAL),
            ID: None if one.get(ID) is None else values.to_int(one[ID]),
        }
        for one in value
    ]


def segments(value: Any) -> str | None:
    """A list of objects."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return None
    return f"'{value}' is not a list of dictionaries"


def asked(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The segments that a create asks for; `Invalid` in Neutron's words where there is no such one."""
    one = {name: None if given.get(name, UNSET) is UNSET else given[name] for name in ATTRIBUTES}
    several = given.get(SEGMENTS, UNSET)
    several = [] if several is UNSET or several is None else several
    if several and any(value is not None for value in one.values()):
        raise invalid(
            "Segments and provider values cannot both be set.", "SegmentsSetInConjunctionWithProviders"
        )
    every = several or ([one] if any(value is not None for value in one.values()) else [])
    for segment in every:
        _check(segment[TYPE], segment[PHYSICAL], segment[ID])
    whole = [tuple(one.values()) for one in every if one[ID] is not None]
    if len(set(whole)) < len(whole):
        raise invalid("Duplicate segment entry in request.", "SegmentsContainDuplicateEntry")
    return every


def _check(type: str | None, physical: str | None, id: int | None) -> None:
    """What every release says alike; which physical networks there are only a cloud knows."""
    if not type:
        raise invalid_input("network_type required")
    if type == "flat":
        if not physical:
            raise invalid_input("physical_network required for flat provider network")
        if id:
            raise invalid_input("segmentation_id prohibited for flat provider network")
    elif type == "vlan":
        if id is not None and not physical:
            raise invalid_input("segmentation_id requires physical_network for VLAN provider network")
        if id is not None and id not in _VLANS:
            raise invalid_input(f"segmentation_id out of range ({_VLANS.start} through {_VLANS.stop - 1})")
    elif type in _TUNNELS:
        if physical:
            raise invalid_input(f"provider:physical_network specified for {type} network")
    elif type == "local":
        if physical or id:
            name = "physical_network" if physical else "segmentation_id"
            raise invalid_input(f"{name} prohibited for local provider network")
    else:
        raise invalid_input(f"network_type value '{type}' not supported")


def of_one_cloud(every: Sequence[Mapping[str, Any]]) -> str:
    """The attribute that means something in one cloud only; empty: none does."""
    if len(every) > 1:
        return SEGMENTS
    return next((name for one in every for name in (PHYSICAL, ID) if one[name] is not None), "")


def kept(every: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept of the segments that were asked for."""
    if len(every) > 1:
        return {SEGMENTS: [dict(one) for one in every]}
    return {
        "network_type": every[0][TYPE],
        "physical_network": every[0][PHYSICAL] or "",
        "segmentation_id": every[0][ID],
    }


def is_provided(desired: Mapping[str, Any]) -> bool:
    """Whether an administrator gave it provider attributes."""
    return bool(desired.get("network_type") or desired.get(SEGMENTS))


def shown(network: Resource, presences: Sequence[Presence]) -> dict[str, Any]:
    """The segments as administrators see them: those of its clouds, or as asked where it is in none yet."""
    there = [one.observed for one in presences if one.wanted and one.remote_id and one.observed]
    every = [segment for one in there for segment in _of(one)] or _of(network.desired)
    if len(every) > 1:
        return {SEGMENTS: every}
    return every[0] if every else dict.fromkeys(ATTRIBUTES)


def _of(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    if one.get(SEGMENTS):
        return list(one[SEGMENTS])
    if not one.get("network_type"):
        return []
    return [
        {
            TYPE: one["network_type"],
            PHYSICAL: one.get("physical_network") or None,
            ID: one.get("segmentation_id"),
        }
    ]
