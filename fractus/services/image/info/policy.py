"""Who may ask what this Glance can do."""

from __future__ import annotations

from fractus.auth.base_rules import ANY, GLANCE_ADMIN_OR_SERVICE
from fractus.auth.policy import RuleDefault

#: Glance asks nothing of those who ask; a name of ours, for every route has a rule.
SEE = "fractus:image:info"

DETAIL = "stores_info_detail"

RULES = [
    RuleDefault(SEE, ANY, "Ask which import methods and stores there are."),
    RuleDefault(DETAIL, GLANCE_ADMIN_OR_SERVICE, "List stores with their properties."),
]
