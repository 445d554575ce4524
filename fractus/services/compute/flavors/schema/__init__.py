"""What may be said of a flavor, and Nova's sentences about what may not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.compute import check_name, only, printable
from fractus.web.schema import complaint

#: Nova's words for a boolean, in the order in which its error lists them.
_TRUE = (True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes")
_FALSE = (False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no")
_BOOLEAN = [*_TRUE, *_FALSE]

_ID = r"^(?! )[a-zA-Z0-9. _-]+(?<! )$"
_KEY = r"^[a-zA-Z0-9-_:. ]{1,255}$"
_FACTOR = r"^[0-9]+(\.[0-9]+)?$"
_MAX_INT = 0x7FFFFFFF
_MAX_FLOAT = 3.40282e38  # MariaDB's FLOAT, Nova's bound
_MAX_DESCRIPTION = 65535

#: Nova's keys -> columns. Where Nova falls back on its row number, ours is when the flavor was made.
SORT_COLUMNS: Mapping[str, str] = {
    "created_at": "created_at",
    "description": "description",
    "disabled": "disabled",
    "ephemeral_gb": "ephemeral",
    "flavorid": "flavorid",
    "id": "created_at",
    "is_public": "is_public",
    "memory_mb": "ram",
    "name": "name",
    "root_gb": "disk",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap",
    "updated_at": "updated_at",
    "vcpu_weight": "created_at",
    "vcpus": "vcpus",
}
#: Query parameters of the lists.
LIST_QUERY = ("limit", "marker", "is_public", "minRam", "minDisk", "sort_key", "sort_dir")


def _refuse(field: str, value: Any, why: str) -> Invalid:
    return Invalid(complaint(field, value, why))


def _object(value: Any, field: str, required: Iterable[str], known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refuse(field, value, f"{value!r} is not of type 'object'")
    only(value, known, field, value)
    for name in required:
        if name not in value:
            raise _refuse(field, value, f"{name!r} is a required property")
    return value


def _number(field: str, value: Any, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _refuse(field, value, f"{value!r} is not of type 'integer', 'string'")
    if isinstance(value, str) and not re.fullmatch("[0-9]+", value, re.ASCII):
        raise _refuse(field, value, f"{value!r} does not match '^[0-9]+$'")
    if isinstance(value, str) and len(value) > 18:  # more digits than Python cares to read
        raise _refuse(field, value, f"{value!r} is greater than the maximum of {_MAX_INT}")
    if int(value) < minimum:
        raise _refuse(field, value, f"{value!r} is less than the minimum of {minimum}")
    if int(value) > _MAX_INT:
        raise _refuse(field, value, f"{value!r} is greater than the maximum of {_MAX_INT}")


def _id(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse("id", value, f"{value!r} is not of type 'string', 'number', 'null'")
    if isinstance(value, str) and not value:
        raise _refuse("id", value, "'' should be non-empty")
    if isinstance(value, str) and len(value) > 255:
        raise _refuse("id", value, f"{value!r} is too long")
    if isinstance(value, str) and not re.fullmatch(_ID, value):
        raise _refuse("id", value, f"{value!r} does not match {_ID!r}")


def _factor(value: Any) -> None:
    field = "rxtx_factor"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _refuse(field, value, f"{value!r} is not of type 'number', 'string'")
    if isinstance(value, str) and not re.fullmatch(_FACTOR, value):
        raise _refuse(field, value, f"{value!r} does not match {_FACTOR!r}")
    if float(value) <= 0:
        raise _refuse(field, value, f"{value!r} is less than or equal to the minimum of 0")
    if float(value) > _MAX_FLOAT:
        raise _refuse(field, value, f"{value!r} is greater than the maximum of {_MAX_FLOAT:g}")


def _description(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise _refuse("description", value, f"{value!r} is not of type 'string', 'null'")
    if len(value) > _MAX_DESCRIPTION:
        raise _refuse("description", value, f"{value!r} is too long")
    if not printable(value):
        raise _refuse("description", value, f"{value!r} has characters that cannot be printed")


_FIELDS = (
    "name",
    "id",
    "ram",
    "vcpus",
    "disk",
    "OS-FLV-EXT-DATA:ephemeral",
    "swap",
    "rxtx_factor",
    "os-flavor-access:is_public",
    "description",
)


def create(body: Any) -> dict[str, Any]:
    """The flavor of a POST /flavors; fields that the asked version does not know are refused elsewhere."""
    flavor = _object(_object(body, "", ("flavor",), ("flavor",))["flavor"], "flavor", (), _FIELDS)
    for name in ("name", "ram", "vcpus", "disk"):
        if name not in flavor:
            raise _refuse("flavor", flavor, f"{name!r} is a required property")
    check_name(flavor["name"])
    _id(flavor.get("id"))
    for field in ("ram", "vcpus"):
        _number(field, flavor[field], 1)
    for field in ("disk", "OS-FLV-EXT-DATA:ephemeral", "swap"):
        _number(field, flavor.get(field, 0), 0)
    if "rxtx_factor" in flavor:
        _factor(flavor["rxtx_factor"])
    public = flavor.get("os-flavor-access:is_public", True)
    if (isinstance(public, int | float) and not isinstance(public, bool)) or public not in _BOOLEAN:
        raise _refuse("os-flavor-access:is_public", public, f"{public!r} is not one of {_BOOLEAN}")
    _description(flavor.get("description"))
    return flavor


def wanted(flavor: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a checked flavor."""
    return {
        "name": flavor["name"].strip(),
        "vcpus": int(flavor["vcpus"]),
        "ram": int(flavor["ram"]),
        "disk": int(flavor["disk"]),
        "ephemeral": int(flavor.get("OS-FLV-EXT-DATA:ephemeral", 0)),
        "swap": int(flavor.get("swap", 0)),
        "rxtx_factor": float(flavor.get("rxtx_factor", 1.0)),
        "is_public": flavor.get("os-flavor-access:is_public", True) in _TRUE,
        "disabled": False,
        "description": flavor.get("description"),
        "extra_specs": {},
        "access": [],
    }


def update(body: Any) -> str | None:
    """The new description of a PUT /flavors/{id}."""
    flavor = _object(body, "", ("flavor",), ("flavor",))["flavor"]
    flavor = _object(flavor, "flavor", ("description",), ("description",))
    _description(flavor["description"])
    text: str | None = flavor["description"]
    return text


def _specs(specs: Any, field: str) -> None:
    if not isinstance(specs, dict):
        raise _refuse(field, specs, f"{specs!r} is not of type 'object'")
    for key, value in specs.items():
        if not re.fullmatch(_KEY, key):
            raise _refuse(field, specs, f"{key!r} does not match any of the regexes: {_KEY!r}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _refuse(key, value, f"{value!r} is not of type 'string', 'number'")
        if isinstance(value, str) and len(value) > 255:
            raise _refuse(key, value, f"{value!r} is too long")
        if len(str(value)) > 255:
            raise Invalid(
                f"Invalid input received: extra_specs value has {len(str(value))} characters, more than 255."
            )


def specs(body: Any) -> dict[str, Any]:
    """The extra specs of a POST: texts or numbers by name."""
    given: dict[str, Any] = _object(body, "", ("extra_specs",), ("extra_specs",))["extra_specs"]
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
    given = _object(_object(body, "", (action,), (action,))[action], action, ("tenant",), ("tenant",))
    tenant = given["tenant"]
    if not isinstance(tenant, str):
        raise _refuse("tenant", tenant, f"{tenant!r} is not of type 'string'")
    if not tenant:
        raise _refuse("tenant", tenant, "'' should be non-empty")
    if len(tenant) > 255:
        raise _refuse("tenant", tenant, f"{tenant!r} is too long")
    return tenant


def one_of(name: str, value: str, choices: list[str]) -> str:
    """A query parameter that has only a few values."""
    if value not in choices:
        raise Invalid(
            f"Invalid input for query parameters {name}. Value: {value}. {value!r} is not one of {choices}"
        )
    return value


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
        return min(max(int(text), -1), _MAX_INT + 1)
    except ValueError:
        raise Invalid(f"Invalid {name} filter [{text}]") from None
