"""Whether a pool of storage is what a volume type asks for (cinder.scheduler.filters.capabilities_filter)."""

from __future__ import annotations

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
