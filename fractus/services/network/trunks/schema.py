"""What requests say of trunks, and what Neutron says of it (neutron.services.trunk.rules). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import structs

from fractus.services.field import Field
from fractus.services.network.dialect.schema import values
from fractus.services.network.dialect.schema.attributes import stated
from fractus.services.network.dialect.schema.errors import (
    conflict,
    invalid_input,
    malformed,
    not_carried,
)

_BOUND = stated("sub_ports")
#: What packets of a sub-port may be marked by, and the least and largest number: all drivers of Neutron have this.
_SEGMENTS = {"vlan": (1, 4094)}


def without_sort(fields: Iterable[Field]) -> list[Field]:
    """Trunks are not sorted by their description."""
    return [structs.replace(one, sort="") if one.name == "description" else one for one in fields]


def sub_ports(value: Any) -> str | None:
    """Objects with a port each, and with both or none of the other two; no port and no number twice."""
    if not isinstance(value, list):
        return f"Invalid data format for subports: '{value}' is not a list"
    ports: set[str] = set()
    taken: list[tuple[Any, Any]] = []
    for one in value:
        if not isinstance(one, dict):
            return f"Invalid data format for subport: '{one}' is not a dict"
        if "port_id" not in one:
            return "A valid port UUID must be specified"
        port_id, type, number = one["port_id"], one.get("segmentation_type"), one.get("segmentation_id")
        if values.uuid(port_id):
            return f"Invalid UUID for subport: '{port_id}'"
        if port_id in ports:
            return f"Non unique UUID for subport: '{port_id}'"
        ports.add(port_id)
        if type == "inherit":
            return None
        if (not type or number is None) and len(one) > 1:
            return _missing(one)
        if number is not None and (type, number) in taken:
            return f"Segmentation ID '{number}' for '{port_id}' is not unique"
        taken.append((type, number))
    return None


def _missing(one: Mapping[str, Any]) -> str:
    return (
        f"Invalid subport details '{dict(one)}': missing segmentation information. Must specify both "
        "segmentation_id and segmentation_type"
    )


def sub_ports_of(body: Any) -> list[dict[str, Any]]:
    """The sub-ports in the body of an action. Neutron answers 500 where there are none."""
    if not isinstance(body, dict) or "sub_ports" not in body:
        raise malformed("Request body contains invalid data")
    given = body["sub_ports"]
    if isinstance(given, list):
        _BOUND.check(given, "trunk")
    wrong = sub_ports(given)
    if wrong:
        raise invalid_input(wrong)
    found: list[dict[str, Any]] = given
    return found


def segment(one: Mapping[str, Any]) -> dict[str, Any]:
    """A sub-port as it is kept; refused where its packets cannot be marked so."""
    type = one.get("segmentation_type")
    if type == "inherit":
        raise not_carried(
            "segmentation_type",
            "'inherit' means the segment of its network, and each cloud has one of its own",
        )
    if type is None or "segmentation_id" not in one:
        raise invalid_input(_missing(one))
    try:
        number = int(one["segmentation_id"])
    except (ValueError, TypeError, OverflowError):
        raise invalid_input(
            f"Invalid subport details: segmentation_id '{one['segmentation_id']}' is not an integer"
        ) from None
    if not isinstance(type, str) or type not in _SEGMENTS:
        raise invalid_input(f"Unknown segmentation_type '{type}'")
    least, most = _SEGMENTS[type]
    if not least <= number <= most:
        raise invalid_input(f"Segmentation ID '{one['segmentation_id']}' is not in range")
    return {"port_id": one["port_id"], "segmentation_type": type, "segmentation_id": number}


def check_apart(there: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]], trunk_id: str) -> None:
    """No two sub-ports of a trunk have the same mark."""
    taken = {(one["segmentation_type"], one["segmentation_id"]) for one in there}
    for one in more:
        mark = one["segmentation_type"], one["segmentation_id"]
        if mark in taken:
            raise conflict(
                f"segmentation_type {mark[0]} and segmentation_id {mark[1]} already in use on trunk {trunk_id}.",
                "DuplicateSubPort",
            )
        taken.add(mark)


def details(id: str, sub_ports: Sequence[Mapping[str, Any]], macs: Mapping[str, str]) -> dict[str, Any]:
    """What the parent port of a trunk shows of it. `macs`: of the sub-ports, by their ids."""
    shown = [{**one, "mac_address": macs.get(one["port_id"], "")} for one in sub_ports]
    return {"trunk_id": id, "sub_ports": shown}


def check_number(sub_ports: Sequence[Mapping[str, Any]]) -> None:
    """Refuse more sub-ports than a trunk may have here."""
    _BOUND.check(sub_ports, "trunk")
