"""Query parameters of the lists of servers: which there are, what their values must be, what may be sorted by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fractus.base.clock import parse_iso
from fractus.model.errors import Invalid

#: Of a number in a request: more than any count or limit needs, and less than Python refuses to read.
DIGITS = 18

#: Parameters of the lists by what their values must be.
_PATTERNS = frozenset(
    (
        "kernel_id ramdisk_id hostname key_name power_state node flavor reservation_id launched_at terminated_at"
        " availability_zone name display_name description display_description locked_by root_device_name config_drive"
        " access_ip_v4 access_ip_v6 auto_disk_config progress ip ip6 created_at tags tags-any not-tags not-tags-any"
    ).split()
)
#: Those of them that are looked up as patterns.
MATCHED = _PATTERNS - frozenset("flavor tags tags-any not-tags not-tags-any".split())
_STAMPS = frozenset({"changes-since", "changes-before"})
_ANYTHING = frozenset(
    (
        "user_id project_id tenant_id launch_index image_ref image vm_state task_state host uuid sort_key sort_dir"
        " all_tenants soft_deleted deleted status locked limit marker"
    ).split()
)
#: Parameters that Nova names only to refuse them.
FORBIDDEN = frozenset(
    "block_device_mapping services metadata system_metadata info_cache security_groups pci_devices".split()
)
KNOWN = _PATTERNS | _STAMPS | _ANYTHING | FORBIDDEN

#: Filters that everybody may use (some of them since a version, which `versions` knows).
EVERYBODY = frozenset(
    (
        "reservation_id name status image flavor ip changes-since all_tenants ip6 tags tags-any not-tags not-tags-any"
        " changes-before locked availability_zone config_drive key_name created_at launched_at terminated_at"
        " power_state task_state vm_state progress user_id hostname"
    ).split()
)

#: Sort keys, and the columns they stand for; empty: all servers have the same.
SORT_KEYS = {
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "auto_disk_config": "auto_disk_config",
    "availability_zone": "zone",
    "config_drive": "config_drive",
    "created_at": "created_at",
    "display_description": "description",
    "display_name": "name",
    "host": "host",
    "hostname": "hostname",
    "image_ref": "image_id",
    "instance_type_id": "flavor_id",
    "kernel_id": "",
    "key_name": "key_name",
    "launch_index": "launch_index",
    "launched_at": "launched_at",
    "locked_by": "locked_by",
    "node": "node",
    "power_state": "power_state",
    "progress": "",
    "project_id": "project_id",
    "ramdisk_id": "",
    "root_device_name": "root_device_name",
    "task_state": "task_state",
    "terminated_at": "terminated_at",
    "updated_at": "updated_at",
    "user_id": "user_id",
    "uuid": "id",
    "vm_state": "vm_state",
}
#: Sort keys of the first Nova that later ones ignore, and then refuse.
IGNORED_SORT_KEYS = frozenset(
    (
        "architecture cell_name cleaned default_ephemeral_device default_swap_device deleted deleted_at"
        " disable_terminate ephemeral_gb ephemeral_key_uuid id key_data launched_on locked memory_mb os_type"
        " reservation_id root_gb shutdown_terminate user_data vcpus vm_mode"
    ).split()
)


def bad_parameter(name: str, value: Any, why: str) -> Invalid:
    """Nova's sentence about a query parameter."""
    return Invalid(f"Invalid input for query parameters {name}. Value: {value}. {why}")


def check_parameter(name: str, value: str) -> None:
    """One value of a list's parameter."""
    if name in _PATTERNS and not is_pattern(value):
        raise bad_pattern(name, value)
    if name in _STAMPS:
        try:
            parse_iso(value)
        except ValueError:
            raise bad_parameter(name, value, f"{value!r} is not a 'date-time'") from None


#: Characters of a pattern: an alternation of a hundred names.
LONGEST_PATTERN = 1024
#: Unbounded repetitions in one pattern: each multiplies the work by the length of the text (255 at most).
_REPETITIONS = 2
#: All counts of bounded repetitions in one pattern together, and what may be left out: each is a state more.
_COUNTED, _OPTIONAL = 255, 100

#: What is said of a pattern that is none here, for whatever reason.
BOUNDS = (
    f"fractus matches patterns of at most {LONGEST_PATTERN} characters, with at most {_REPETITIONS} unbounded "
    f"repetitions, none of them within another, counts of at most {_COUNTED} in all, {_OPTIONAL} optional parts, and "
    "no references to groups"
)

_SET = re.compile(r"\\.|\[\^?\]?(?:\[:\^?\w*:\]|\\.|[^\]\\])*\]", re.DOTALL)
_CLASS = re.compile(r"\[:(\^?\w*):\]")
#: The classes of POSIX as ranges of a set, in ASCII.
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \t",
    "cntrl": "\x01-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": " \t\r\n\v\f",
    "upper": "A-Z",
    "word": "a-zA-Z0-9_",
    "xdigit": "0-9A-Fa-f",
}


def spelled(pattern: str) -> str:
    """The pattern with POSIX's classes (`[[:digit:]]`), which Nova's databases know, as ranges. Unknown ones stay."""
    if "[:" not in pattern:
        return pattern

    def ranges(found: re.Match[str]) -> str:
        return _CLASS.sub(lambda one: _CLASSES.get(one[1], one[0]), found[0])

    return _SET.sub(ranges, pattern)


def is_pattern(value: str) -> bool:
    """Whether it is a regular expression that can be looked up without harm.

    Nova leaves that to its database. Here a pattern beyond `BOUNDS` could keep the process busy for long on one name:
    it counts as no pattern.
    """
    if not 0 < len(value) <= LONGEST_PATTERN:
        return False  # first, for the work below grows with the square of it
    pattern = spelled(value)
    if _CLASS.search(pattern) or _costly(pattern):
        return False
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True


def bad_pattern(name: str, value: str) -> Invalid:
    """Nova's sentence about what is no pattern, and where the bounds are."""
    return bad_parameter(name, value, f"{value!r} is not a 'regex' ({BOUNDS})")


def _costly(pattern: str) -> bool:
    """Whether the work to match it may grow faster than the square of the text, or has very many states."""
    repeatable = [False]  # for each open group: whether repeating it would be costly
    repetitions = counted = optional = 0
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            position += 1
            if pattern[position : position + 1].isdigit():
                return True  # a reference to a group
        elif char == "[":
            position = _end_of_class(pattern, position)
        elif char == "(":
            repeatable.append(False)
        elif char == ")" and len(repeatable) > 1:
            inner = repeatable.pop()
            if inner and pattern[position + 1 : position + 2] in ("*", "+", "{"):
                return True
            repeatable[-1] = repeatable[-1] or inner
        elif char in "*+{":
            repeatable[-1] = True
            repetitions += char != "{" or re.match(r"\{\d*(,|,?\d{2,})\}", pattern[position:]) is not None
            counts = re.match(r"\{(\d{0,9}),?(\d{0,9})\}", pattern[position:])
            counted += max(int(text or 0) for text in counts.groups()) if counts else 0
        elif char == "|":
            repeatable[-1] = True
        elif char == "?":
            optional += 1
        position += 1
    many = repetitions > _REPETITIONS or counted > _COUNTED or optional > _OPTIONAL
    return many or "(?P=" in pattern


def _end_of_class(pattern: str, start: int) -> int:
    """Where the `]` of a set of characters stands."""
    position = start + 1
    if pattern[position : position + 1] == "^":
        position += 1
    if pattern[position : position + 1] == "]":
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position


def check_known(names: Iterable[str]) -> None:
    """Refuse names that are no parameters of the lists (and do not begin as Nova's own internal ones)."""
    unknown = [repr(name) for name in names if name not in KNOWN and not name.startswith("_")]
    if unknown:
        verb = "does" if len(unknown) == 1 else "do"
        raise Invalid(f"{', '.join(unknown)} {verb} not match any of the regexes: '^_'")


def strict_truth(value: str) -> bool:
    """A boolean parameter, as oslo reads it strictly."""
    lowered = value.strip().lower()
    if lowered in ("1", "t", "true", "on", "y", "yes"):
        return True
    if lowered in ("0", "f", "false", "off", "n", "no"):
        return False
    allowed = ", ".join(f"'{word}'" for word in sorted("1 t true on y yes 0 f false off n no".split()))
    raise Invalid(f"Unrecognized value '{value}', acceptable values are: {allowed}")
