"""What Nova says of requests to its proxies (its schemas, and nova.network.security_group_api). Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from fractus.base.ids import is_uuid
from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema import values
from fractus.services.compute.dialect.schema.values import checked_object, refuse
from fractus.services.compute.proxies import ALL_PORTS, ALL_TYPES

_KEY = r"[a-zA-Z0-9-_:. ]{1,255}"
_LONGEST = 255


def _object(value: Any, field: str, required: tuple[str, ...]) -> dict[str, Any]:
    """An object that may also have fields which nobody knows."""
    if not isinstance(value, dict):
        raise refuse(field, value, f"{value!r} is not of type 'object'")
    return checked_object(value, field, required, value)


def check_group(body: Any) -> None:
    """A new security group, or what is changed of one."""
    group = _object(
        _object(body, "", ("security_group",))["security_group"], "security_group", ("name", "description")
    )
    for name in ("name", "description"):
        value = group[name]
        if not isinstance(value, str):
            raise refuse(name, value, f"{value!r} is not of type 'string'")
        if len(value) > _LONGEST:
            raise refuse(name, value, f"{value!r} is too long")


def check_rule(body: Any) -> None:
    """A new rule of a security group."""
    rule = _object(
        _object(body, "", ("security_group_rule",))["security_group_rule"],
        "security_group_rule",
        ("parent_group_id",),
    )
    for name, types in (("group_id", "'string', 'null'"), ("parent_group_id", "'string'")):
        value = rule.get(name)
        if name not in rule or (value is None and name == "group_id"):
            continue
        if not isinstance(value, str):
            raise refuse(name, value, f"{value!r} is not of type {types}")
        if not is_uuid(value):
            raise refuse(name, value, f"{value!r} is not a 'uuid'")


def check_floating(body: Any) -> None:
    """A new floating IP: nothing, or a pool."""
    if body is None:
        return
    if not isinstance(body, dict):
        raise Invalid(f"{body!r} is not of type 'object', 'null'")
    pool = body.get("pool")
    if pool is not None and not isinstance(pool, str):
        raise refuse("pool", pool, f"{pool!r} is not of type 'string', 'null'")


def _check_properties(properties: Any, field: str) -> None:
    if not isinstance(properties, dict):
        raise refuse(field, properties, f"{properties!r} is not of type 'object'")
    wrong = [repr(key) for key in properties if not re.fullmatch(_KEY, key)]
    if wrong:
        verb = "does" if len(wrong) == 1 else "do"
        why = f"{', '.join(wrong)} {verb} not match any of the regexes: '^{_KEY}$'"
        raise refuse(field, properties, why)
    for key, value in properties.items():
        if not isinstance(value, str):
            raise refuse(key, value, f"{value!r} is not of type 'string'")
        if len(value) > _LONGEST:
            raise refuse(key, value, f"{value!r} is too long")


def check_metadata(body: Any) -> None:
    """Metadata of an image."""
    _check_properties(checked_object(body, "", ("metadata",), ("metadata",))["metadata"], "metadata")


def check_meta(body: Any) -> None:
    """One item of it."""
    meta = checked_object(body, "", ("meta",), ("meta",))["meta"]
    _check_properties(meta, "meta")
    if len(meta) != 1:
        raise refuse(
            "meta", meta, f"{meta!r} {'should be non-empty' if not meta else 'has too many properties'}"
        )


_TEXTS = ("volume_type", "snapshot_id", "availability_zone", "display_name", "display_description")


def check_volume(body: Any) -> None:
    """A new volume."""
    volume = checked_object(body, "", ("volume",), ("volume",))["volume"]
    volume = checked_object(volume, "volume", ("size",), (*_TEXTS, "metadata", "size"))
    _check_texts(volume, _TEXTS)
    metadata = volume.get("metadata", {})
    if not isinstance(metadata, dict):
        raise refuse("metadata", metadata, f"{metadata!r} is not of type 'object'")
    why = values.integer(1)(volume["size"])
    if why is not None:
        raise refuse("size", volume["size"], why)


_OF_SNAPSHOTS = ("volume_id", "display_name", "display_description")


def check_snapshot(body: Any) -> None:
    """A new snapshot."""
    snapshot = checked_object(body, "", ("snapshot",), ("snapshot",))["snapshot"]
    snapshot = checked_object(snapshot, "snapshot", ("volume_id",), (*_OF_SNAPSHOTS, "force"))
    _check_texts(snapshot, _OF_SNAPSHOTS)
    why = values.boolean(snapshot["force"]) if "force" in snapshot else None
    if why is not None:
        raise refuse("force", snapshot["force"], why)


def _check_texts(given: Mapping[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in given and not isinstance(given[name], str):
            raise refuse(name, given[name], f"{given[name]!r} is not of type 'string'")


# --- rules of security groups ---------------------------------------------------------------------


def cidr_of(given: Any) -> str:
    """The addresses of a rule that names no group."""
    if not given:
        return "0.0.0.0/0"
    text = unquote(str(given))
    address, slash, length = text.partition("/")
    try:
        if not slash or not length:
            raise ValueError(text)
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"{text} is not a valid IP network.") from None
    if length == "0" and address not in ("0.0.0.0", "::"):
        raise Invalid(f"Bad prefix for network in cidr {text}")
    return text


def ports_of(protocol: Any, low: Any, high: Any, *, of_group: bool) -> tuple[Any, Any] | None:
    """The range of a rule; None where it has none. `Invalid` where it needs one, or is a wrong one."""
    named = str(protocol).upper() if protocol else ""
    if of_group and low is None and high is None:
        low, high = {"ICMP": ALL_TYPES, "TCP": ALL_PORTS, "UDP": ALL_PORTS}.get(named, (None, None))
    if not protocol or low is None or high is None:
        if not of_group:
            raise Invalid("Not enough parameters to build a valid rule.")
        return None
    try:
        low, high = int(low), int(high)
    except (TypeError, ValueError):
        said = "Type and Code must be integers for ICMP protocol type" if named == "ICMP" else (
            "To and From ports must be integers"
        )  # fmt: skip
        raise Invalid(f"Invalid input received: {said}") from None
    if named not in ("TCP", "UDP", "ICMP"):
        raise Invalid(f"Invalid IP protocol {protocol}")
    why = _why_no_range(named, low, high)
    if why:
        raise Invalid(f"Invalid port range {low}:{high}. {why}")
    return low, high


def _why_no_range(protocol: str, low: int, high: int) -> str:
    if protocol == "ICMP":
        right = all(-1 <= one <= 255 for one in (low, high))
        return "" if right else "For ICMP, the type:code must be valid"
    if low > high:
        return "Former value cannot be greater than the later"
    return "" if low >= 1 and high <= 65535 else f"Valid {protocol} ports should be between 1-65535"
