"""Whether a pool of storage is what a volume type asks for (cinder.scheduler.filters.capabilities_filter), and has room
for a volume.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

#: The scope of extra specs that are about capabilities; those of other scopes are a driver's.
_SCOPE = "capabilities"

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[Any, str], bool]:
    return lambda there, asked: compare(float(there), float(asked))


_COMPARED: Mapping[str, Callable[[Any, str], bool]] = {
    "=": _numbers(operator.ge),
    "==": _numbers(operator.eq),
    "!=": _numbers(operator.ne),
    ">=": _numbers(operator.ge),
    "<=": _numbers(operator.le),
    "<in>": lambda there, asked: asked in there,
    "<is>": lambda there, asked: _is_true(there) is _is_true(asked),
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def meets(capabilities: Mapping[str, Any], extra_specs: Mapping[str, str]) -> bool:
    """Whether all that a type asks for is there."""
    for name, asked in extra_specs.items():
        scope = name.split(":")
        if len(scope) > 1 and scope.pop(0) != _SCOPE:
            continue
        there: Any = capabilities
        for part in scope:
            if not isinstance(there, Mapping) or part not in there:
                return False
            there = there[part]
        if not any(_matches(one, asked) for one in (there if isinstance(there, list) else [there])):
            return False
    return True


def _matches(there: Any, asked: str) -> bool:
    operation, *words = asked.split() or [""]
    if operation != "<or>" and operation not in _COMPARED:
        return bool(there == asked)
    if there is None or not words:
        return False
    if operation == "<or>":
        return there in words[::2]
    try:
        return _COMPARED[operation](there, words[0])
    except (ValueError, TypeError):
        return False


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in _TRUE


def has_room(capabilities: Mapping[str, Any], size: int) -> bool:
    """Whether so many GiB have a place in a pool (cinder.scheduler.filters.capacity_filter). What a pool does not tell,
    or calls infinite or unknown, is no obstacle.
    """
    free, total = (_number(capabilities.get(f"{name}_capacity_gb")) for name in ("free", "total"))
    if free is None or total is None:
        return True
    free -= math.floor(total * (_number(capabilities.get("reserved_percentage")) or 0.0) / 100)
    ratio = _number(capabilities.get("max_over_subscription_ratio")) or 1.0
    if not capabilities.get("thin_provisioning_support") or ratio < 1.0:
        return free >= size
    provisioned = _number(capabilities.get("provisioned_capacity_gb")) or 0.0
    return total > 0 and (provisioned + size) / total <= ratio and free * ratio >= size


def _number(value: Any) -> float | None:
    """None: it is infinite, or not known."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
