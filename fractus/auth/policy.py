"""Who may do what: oslo.policy with the rule names of the upstream services."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fractus.auth.principal import Principal


@dataclasses.dataclass(frozen=True, slots=True)
class RuleDefault:
    """One rule: its upstream name, its default check in oslo.policy's language, and one sentence."""

    name: str
    check_str: str
    description: str = ""


class Policy:
    """The rules of all services. Rule names are upstream's; a name may belong to one service only, base rules aside.

    `rules` maps a service type to its rules, `files` to the operator's policy file (YAML or JSON, upstream's format).
    """

    def __init__(
        self, rules: Mapping[str, Sequence[RuleDefault]], files: Mapping[str, Path] | None = None
    ) -> None:
        self._rules = rules

    def knows(self, rule: str) -> bool:
        """Whether some service registered the rule."""
        raise NotImplementedError

    def allows(self, rule: str, principal: Principal, target: Mapping[str, Any] | None = None) -> bool:
        """Whether `principal` may do `rule` to `target` (default: something of their own). KeyError: no rule."""
        raise NotImplementedError
