"""Bodies about quotas (cinder.api.schemas.quotas, quota_classes), and Cinder's sentences about what may not be said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fractus.model.errors import Invalid
from fractus.services.volume.dialect.schema import parameters as p

UPDATE = p.body("quota_set", {"type": "object", "minProperties": 1})
CLASS_UPDATE = p.body(
    "quota_class_set",
    {
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,300}$": {
                "type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": -1, "minLength": 1,
                "maximum": p.MAX_INT,
            }
        },
        "additionalProperties": False,
    },
)  # fmt: skip

#: What may stand among the quotas of a project, and is none.
_OTHERS = ("tenant_id", "id")


def limits_of(given: Mapping[str, Any], known: Collection[str]) -> dict[str, int]:
    """The limits that a body sets."""
    found, bad = {}, []
    for name, value in given.items():
        if name in _OTHERS:
            continue
        if name not in known:
            bad.append(name)
        else:
            found[name] = _number(name, value)
    if bad:
        raise Invalid(f"Invalid input received: Bad key(s) in quota set: {', '.join(bad)}")
    return found


def class_limits_of(given: Mapping[str, Any], known: Collection[str]) -> dict[str, int]:
    """The limits that a body sets for a class."""
    bad = [name for name in given if name not in known]
    if bad:
        raise Invalid(f"Invalid input received: Bad key(s) in quota class set: {', '.join(bad)}")
    return {name: int(value) for name, value in given.items()}


def _number(name: str, value: Any) -> int:
    try:
        if isinstance(value, bool) or (isinstance(value, str) and len(value) > 20):
            raise ValueError
        number = int(str(value))
    except ValueError:
        raise Invalid(f"{name} must be an integer") from None
    if number < -1:
        raise Invalid(f"{name} must be >= -1")
    if number > p.MAX_INT:
        raise Invalid(f"{name} must be <= {p.MAX_INT}")
    return number
