"""What may be said of a flavor beside its fields, and Nova's sentences about what may not."""

from __future__ import annotations

from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute.dialect.schema.values import (
    MAX_INT,
    checked_object,
    printable,
    refuse,
)
from fractus.services.pattern import Pattern

_ID = Pattern(r"^(?! )[a-zA-Z0-9. _-]+(?<! )$")
_KEY = Pattern(r"^[a-zA-Z0-9-_:. ]{1,255}$")
_FACTOR = Pattern(r"^[0-9]+(\.[0-9]+)?$")
_MAX_FLOAT = 3.40282e38  # MariaDB's FLOAT, Nova's bound
_MAX_DESCRIPTION = 65535


# --- fields --------------------------------------------------------------------------------------


def check_id(value: Any) -> str | None:
    """Nothing, or what users may call a flavor."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"{value!r} is not of type 'string', 'number', 'null'"
    if isinstance(value, str) and not value:
        return "'' should be non-empty"
    if isinstance(value, str) and len(value) > 255:
        return f"{value!r} is too long"
    return _ID.wrong(value) if isinstance(value, str) else None


def check_factor(value: Any) -> str | None:
    """A number above zero, or a text of one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"{value!r} is not of type 'number', 'string'"
    if isinstance(value, str) and not _FACTOR.holds(value):
        return _FACTOR.wrong(value)
    if float(value) <= 0:
        return f"{value!r} is less than or equal to the minimum of 0"
    if float(value) > _MAX_FLOAT:
        return f"{value!r} is greater than the maximum of {_MAX_FLOAT:g}"
    return None


def check_description(value: Any) -> str | None:
    """Nothing, or a text that can be printed."""
    if value is None:
        return None
    if not isinstance(value, str):
        return f"{value!r} is not of type 'string', 'null'"
    if len(value) > _MAX_DESCRIPTION:
        return f"{value!r} is too long"
    return None if printable(value) else f"{value!r} has characters that cannot be printed"


# --- extra specs and access ----------------------------------------------------------------------


def _specs(specs: Any, field: str) -> None:
    if not isinstance(specs, dict):
        raise refuse(field, specs, f"{specs!r} is not of type 'object'")
    for key, value in specs.items():
        if not _KEY.holds(key):
            raise refuse(field, specs, f"{key!r} does not match any of the regexes: {_KEY!r}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refuse(key, value, f"{value!r} is not of type 'string', 'number'")
        if isinstance(value, str) and len(value) > 255:
            raise refuse(key, value, f"{value!r} is too long")
        if len(str(value)) > 255:
            raise Invalid(
                f"Invalid input received: extra_specs value has {len(str(value))} characters, more than 255."
            )


def specs(body: Any) -> dict[str, Any]:
    """The extra specs of a POST: texts or numbers by name."""
    given: dict[str, Any] = checked_object(body, "", ("extra_specs",), ("extra_specs",))["extra_specs"]
    _specs(given, "extra_specs")
    return given


def spec(body: Any) -> dict[str, Any]:
    """The one extra spec of a PUT."""
    _specs(body, "")
    given: dict[str, Any] = body
    if not given:
        raise Invalid("{} should be non-empty")
    if len(given) > 1:
        raise Invalid(f"{given} has too many properties")
    return given


def project(body: Any, action: str) -> str:
    """The project of an addTenantAccess or removeTenantAccess."""
    given = checked_object(
        checked_object(body, "", (action,), (action,))[action], action, ("tenant",), ("tenant",)
    )
    tenant = given["tenant"]
    if not isinstance(tenant, str):
        raise refuse("tenant", tenant, f"{tenant!r} is not of type 'string'")
    if not tenant:
        raise refuse("tenant", tenant, "'' should be non-empty")
    if len(tenant) > 255:
        raise refuse("tenant", tenant, f"{tenant!r} is too long")
    return tenant


# --- queries -------------------------------------------------------------------------------------


def public_filter(text: str | None) -> bool | None:
    """The `is_public` filter of an admin's list: None is both."""
    if text is None:
        return True
    lowered = text.lower()
    if lowered == "none":
        return None
    if lowered in ("1", "t", "true", "on", "y", "yes"):
        return True
    if lowered in ("0", "f", "false", "off", "n", "no"):
        return False
    raise Invalid(f"Invalid is_public filter [{text}]")


def least(name: str, text: str) -> int:
    """The `minRam` and `minDisk` filters. Above all that flavors can have, there is nothing to tell apart."""
    try:
        return min(max(int(text), -1), MAX_INT + 1)
    except ValueError:
        raise Invalid(f"Invalid {name} filter [{text}]") from None
