"""Who may ask what this Glance can do."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

#: Glance asks nothing of those who ask; a name of ours, for every route has a rule.
SEE = "fractus:image:info"

RULES = [RuleDefault(SEE, ANY, "Ask which import methods and stores there are.")]
