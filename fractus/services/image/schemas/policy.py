"""Who may read schemas."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

#: Glance asks nothing of those who read schemas; a name of ours, for every route has a rule.
SEE = "fractus:image:schemas"

RULES = [RuleDefault(SEE, ANY, "Read the schemas of images and members.")]
