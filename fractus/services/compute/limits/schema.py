"""What may be said of quotas, and Nova's sentences about what may not."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute import only
from fractus.services.compute.limits import OLD_QUOTAS, QUOTAS
from fractus.services.pattern import Pattern
from fractus.web.schema import complaint

_MOST = 0x7FFFFFFF
_NUMBER = Pattern("^-?[0-9]+$")
_TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
_FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")


def check_quota_set(body: Any) -> None:
    """The body of PUT os-quota-sets."""
    _check(body, "quota_set", (*QUOTAS, *OLD_QUOTAS, "force"))


def check_class_set(body: Any) -> None:
    """The body of PUT os-quota-class-sets."""
    _check(body, "quota_class_set", (*QUOTAS, *OLD_QUOTAS))


def is_forced(quotas: dict[str, Any]) -> bool:
    """Whether a limit may be set below what is used."""
    return quotas.get("force", False) in _TRUE


def limits_of(quotas: dict[str, Any]) -> dict[str, int]:
    """The limits that a checked body sets."""
    return {name: int(value) for name, value in quotas.items() if name != "force"}


def _check(body: Any, field: str, names: tuple[str, ...]) -> None:
    _object(body, "", (field,))
    if field not in body:
        raise Invalid(f"{field!r} is a required property")
    quotas = body[field]
    _object(quotas, field, names)
    for name, value in quotas.items():
        if name == "force":
            # By identity and type too: 1 is no True to a JSON schema.
            if not any(value == one and type(value) is type(one) for one in (*_TRUE, *_FALSE)):
                raise Invalid(complaint(name, value, f"{value!r} is not one of {[*_TRUE, *_FALSE]}"))
        else:
            _number(name, value)


def _object(value: Any, field: str, known: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise Invalid(complaint(field, value, f"{value!r} is not of type 'object'"))
    only(value, known, field, value)


def _number(field: str, value: Any) -> None:
    why = ""
    if isinstance(value, bool) or not isinstance(value, int | str):
        why = f"{value!r} is not of type 'integer', 'string'"
    elif isinstance(value, str) and not _NUMBER.holds(value):
        why = f"{value!r} does not match {_NUMBER!r}"
    elif isinstance(value, str) and len(value) > 18:  # more digits than Python cares to read
        beyond = "less than the minimum of -1" if value[0] == "-" else f"greater than the maximum of {_MOST}"
        why = f"{value!r} is {beyond}"
    elif int(value) < -1:
        why = f"{value!r} is less than the minimum of -1"
    elif int(value) > _MOST:
        why = f"{value!r} is greater than the maximum of {_MOST}"
    if why:
        raise Invalid(complaint(field, value, why))
