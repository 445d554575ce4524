"""Neutron's converters and validators of values (neutron_lib.api.converters and .validators), with their sentences.

A converter returns the value in its one form, or raises. A check returns the reason why a value is wrong, or None;
whoever asks puts `Invalid input for <attribute>. Reason: ` before it. All pure.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fractus.base.ids import is_uuid
from fractus.services.field import Check
from fractus.services.network.dialect.schema.errors import invalid_input, malformed

LARGEST = _INT_MOST = 2**31 - 1

NAME_SIZE = DESCRIPTION_SIZE = PROJECT_SIZE = 255
LONG_DESCRIPTION_SIZE = 1024

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no"})

# --- converters ----------------------------------------------------------------------------------


def to_boolean(value: Any) -> bool:
    """As oslo's strict `bool_from_string`."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise invalid_input(f"'{value}' cannot be converted to boolean")


def to_boolean_or_true(value: Any) -> bool:
    """The same; null is true."""
    return True if value is None else to_boolean(value)


def to_int(value: Any) -> int:
    """What `int()` takes, as far as columns of all databases hold it."""
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        raise invalid_input(f"'{value}' is not an integer") from None
    if not -_INT_MOST <= number <= _INT_MOST:
        raise invalid_input(f"'{value}' is too large - must be no larger than '{_INT_MOST}'")
    return number


def to_number(value: Any) -> int:
    """What `int()` takes, however large: how large it may be is for the check to say."""
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise invalid_input(f"'{value}' is not an integer") from None


def to_list(value: Any) -> Any:
    """None is an empty list."""
    return [] if value is None else value


def canonical_ip(value: Any) -> Any:
    """An IPv6 address in its shortest form; everything else as it is, for the check to judge."""
    try:
        return str(ipaddress.IPv6Address(value))
    except (ValueError, TypeError):
        return value


def canonical_cidr(value: Any) -> str:
    """A CIDR, host bits kept, IPv6 in its shortest form. No prefix length means a single address."""
    if not isinstance(value, str) or re.search(r"\s", value):
        raise invalid_input(f"{value} is not in a CIDR format")
    try:
        one = ipaddress.ip_interface(value)
    except ValueError:
        raise invalid_input(f"{value} is not in a CIDR format") from None
    return f"{one.ip}/{one.network.prefixlen}"


def canonical_cidr_or_none(value: Any) -> str | None:
    """A CIDR, or null."""
    return None if value is None else canonical_cidr(value)


def canonical_network(value: Any) -> str:
    """A CIDR without host bits."""
    return str(ipaddress.ip_network(canonical_cidr(value), strict=False))


def canonical_pools(value: Any) -> Any:
    """Allocation pools with canonical addresses."""
    if value is None:
        return []
    try:
        return [{name: canonical_ip(ip) for name, ip in pool.items()} for pool in value]
    except (AttributeError, TypeError):
        raise invalid_input("Invalid data format for allocation pools") from None


_MAC_FORMS = (
    re.compile(r"[0-9a-f]{1,2}([-:][0-9a-f]{1,2}){5}", re.IGNORECASE),
    re.compile(r"[0-9a-f]{4}(\.[0-9a-f]{4}){2}|[0-9a-f]{5,6}-[0-9a-f]{5,6}|[0-9a-f]{12}", re.IGNORECASE),
)


def canonical_mac(value: Any) -> Any:
    """A MAC address in lower case with colons; what is none as it is, for the check to judge."""
    if not isinstance(value, str):
        return value
    if _MAC_FORMS[0].fullmatch(value):
        return ":".join(part.zfill(2) for part in re.split("[-:]", value.lower()))
    if _MAC_FORMS[1].fullmatch(value):
        digits = re.sub(r"[^0-9a-f]", "", value.lower()).zfill(12)
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return value


def key_values(texts: Iterable[str]) -> dict[str, list[str]]:
    """`ip_address=10.0.0.1` and the like, by key."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise invalid_input(f"'{text}' is not of the form <key>=[value]")
        values = found.setdefault(key.strip(), [])
        if value.strip() not in values:
            values.append(value.strip())
    return found


# --- checks --------------------------------------------------------------------------------------


def string(size: int | None = None) -> Check:
    """A string of at most `size` characters."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return f"'{value}' is not a valid string"
        if size is not None and len(value) > size:
            return f"'{value}' exceeds maximum length of {size}"
        return None

    return check


def string_or_none(size: int | None = None) -> Check:
    """A string, or null."""
    inner = string(size)
    return lambda value: None if value is None else inner(value)


def _printable(character: str) -> bool:
    category = unicodedata.category(character)
    return not category.startswith("C") and (not category.startswith("Z") or category == "Zs")


def name(size: int = NAME_SIZE) -> Check:
    """A string that can be printed, without space at its ends."""
    inner = string(size)

    def check(value: Any) -> str | None:
        wrong = inner(value)
        if wrong:
            return wrong
        if value.strip() != value or not all(_printable(character) for character in value):
            return f"'{value}' is not a valid string"
        return None

    return check


def filled_name(value: Any) -> str | None:
    """A name with something in it."""
    return name()(value) or (None if value else f"'{value}' Blank strings are not permitted")


def one_line(size: int) -> Check:
    """A string with something in it, on one line."""
    inner = string(size)

    def check(value: Any) -> str | None:
        wrong = inner(value)
        if wrong:
            return wrong
        if not value.strip():
            return f"'{value}' Blank strings are not permitted"
        return f"Multi-line string is not allowed: '{value}'" if len(value.splitlines()) > 1 else None

    return check


def one_of(values: Collection[Any]) -> Check:
    """One of a few values."""

    def check(value: Any) -> str | None:
        known = any(value is one or (type(value) is type(one) and value == one) for one in values)
        return None if known else f"{value} is not in valid_values"

    return check


def uuid(value: Any) -> str | None:
    """A UUID."""
    return None if isinstance(value, str) and is_uuid(value) else f"'{value}' is not a valid UUID"


def uuid_or_none(value: Any) -> str | None:
    """A UUID, or null."""
    return None if value is None else uuid(value)


def _key(value: Any) -> Any:
    """What two values have in common that Python takes for equal, and no others. It can be looked up in a set."""
    if isinstance(value, dict):
        return dict, frozenset((name, _key(part)) for name, part in value.items())
    if isinstance(value, list):
        return list, tuple(map(_key, value))
    return value


def repeated(items: Iterable[Any]) -> list[Any]:
    """Those that stand there before already, in order."""
    seen: set[Any] = set()
    found = []
    for item in items:
        key = _key(item)
        if key in seen:
            found.append(item)
        seen.add(key)
    return found


def unique(check: Check) -> Check:
    """A list of things that `check` accepts, each once."""

    def outer(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"'{value}' is not a list"
        twice = repeated(value)
        if twice:
            return f"Duplicate items in the list: '{', '.join(str(item) for item in twice)}'"
        return next((wrong for item in value if (wrong := check(item))), None)

    return outer


def within(least: int, most: int) -> Check:
    """An integer between two, both included."""

    def check(value: Any) -> str | None:
        if value < least:
            return f"'{value}' is too small - must be at least '{least}'"
        return f"'{value}' is too large - must be no larger than '{most}'" if value > most else None

    return check


#: What a column of all databases holds.
amount = within(0, _INT_MOST)


def not_negative(value: Any) -> str | None:
    """An integer of at least 0."""
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        return f"'{value}' is not an integer"
    return f"'{value}' should be non-negative" if number < 0 else None


def ip_address(value: Any) -> str | None:
    """An address, IPv4 without leading zeros."""
    wrong = f"'{value}' is not a valid IP address"
    if not isinstance(value, str) or "%" in value:
        return wrong
    try:
        ipaddress.ip_address(value)
        return None
    except ValueError:
        pass
    parts = value.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts):
        plain = ".".join(str(int(part)) for part in parts)
        return f"'{value}' is not an accepted IP address, '{plain}' is recommended"
    return wrong


def ip_address_or_none(value: Any) -> str | None:
    """An address, or null."""
    return None if value is None else ip_address(value)


def subnet(value: Any) -> str | None:
    """A CIDR with its prefix length: no mask, no zone of an IPv6 address."""
    try:
        if "/" in value and not re.search(r"[\s%]", value):
            one = ipaddress.ip_interface(value)
            if one.version == 6 or one.with_prefixlen == value:
                return None
    except (ValueError, TypeError):
        pass
    return f"'{value}' is not a valid IP subnet"


def subnet_or_none(value: Any) -> str | None:
    """A CIDR, or null."""
    return None if value is None else subnet(value)


def route_cidr(value: Any) -> str | None:
    """A CIDR without host bits that one can route to."""
    if isinstance(value, str) and "/" in value and not re.search(r"\s", value):
        try:
            net = ipaddress.ip_network(value)
        except ValueError:
            return f"'{value}' is not a valid CIDR"
        return f"'{value}' is not a routable CIDR" if net.is_loopback else None
    return f"'{value}' is not a valid CIDR"


def mac_address(value: Any) -> str | None:
    """A MAC address other than those of nobody and of everybody."""
    form = canonical_mac(value)
    known = isinstance(form, str) and re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", form)
    if not known or form in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"):
        return f"'{value}' is not a valid MAC address"
    return None


def mac_address_or_none(value: Any) -> str | None:
    """A MAC address, or null."""
    return None if value is None else mac_address(value)


def exact_keys(keys: Collection[str], given: Any) -> str | None:
    """An object with these keys and no others."""
    shown = "{" + ", ".join(f"'{key}'" for key in keys) + "}"
    if not isinstance(given, dict):
        return f"Invalid input. '{given}' must be a dictionary with keys: {list(keys)}"
    if set(given) == set(keys):
        return None
    got = "{" + ", ".join(f"'{key}'" for key in given) + "}"
    return f"Validation of dictionary's keys failed. Expected keys: {shown} Provided keys: {got}"


def pools(value: Any) -> str | None:
    """A list of `{"start", "end"}`."""
    if not isinstance(value, list):
        return f"Invalid data format for IP pool: '{value}'"
    for pool in value:
        wrong = exact_keys(("start", "end"), pool) or ip_address(pool["start"]) or ip_address(pool["end"])
        if wrong:
            return wrong
    return None


def nameservers(value: Any) -> str | None:
    """A list of addresses, each once."""
    if not isinstance(value, list):
        return f"Invalid data format for nameserver: '{value}'"
    seen: set[str] = set()
    for host in value:
        wrong = ip_address(host)
        if wrong:
            return f"'{host}' is not a valid nameserver. {wrong}"
        if host in seen:
            return f"Duplicate nameserver '{host}'"
        seen.add(host)
    return None


def host_routes(value: Any) -> str | None:
    """A list of `{"destination", "nexthop"}`, each once."""
    if not isinstance(value, list):
        return f"Invalid data format for hostroute: '{value}'"
    seen: set[Any] = set()
    for route in value:
        wrong = exact_keys(("destination", "nexthop"), route)
        wrong = wrong or route_cidr(route["destination"]) or ip_address(route["nexthop"])
        if wrong:
            return wrong
        if _key(route) in seen:
            return f"Duplicate hostroute '{route}'"
        seen.add(_key(route))
    return None


def fixed_ips(value: Any) -> str | None:
    """A list of objects with `ip_address`, `subnet_id`, or both.

    Neutron drops keys that it does not know; they are refused here, by name.
    """
    if not isinstance(value, list):
        return f"Invalid data format for fixed IP: '{value}'"
    seen: set[Any] = set()
    for one in value:
        if not isinstance(one, dict):
            return f"Invalid data format for fixed IP: '{one}'"
        unknown = set(one) - {"ip_address", "subnet_id"}
        if unknown:
            raise malformed(f"Unrecognized attribute(s) '{', '.join(sorted(unknown))}'")
        ip = one.get("ip_address")
        if "ip_address" in one and _key(ip) in seen:
            return f"Duplicate IP address '{ip}'"
        wrong = ip_address(ip) if "ip_address" in one else None
        wrong = wrong or (uuid(one["subnet_id"]) if "subnet_id" in one else None)
        if wrong:
            return wrong
        seen.add(_key(ip))
    return None


def object_of(specs: Mapping[str, tuple[Check, bool]], given: Any) -> bool:
    """Whether an object has only keys of `specs`, all required ones (True), and values that their checks accept."""
    if not isinstance(given, dict) or not set(given) <= set(specs):
        return False
    for key, (check, required) in specs.items():
        if key not in given:
            if required:
                return False
        elif check(given[key]):
            return False
    return True
