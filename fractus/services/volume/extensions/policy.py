"""Who may list extensions."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

#: Cinder asks nothing of those who list them; a name of ours, for every route has a rule.
LIST = "fractus:volume:extensions"

RULES = [RuleDefault(LIST, ANY, "List and show extensions.")]
