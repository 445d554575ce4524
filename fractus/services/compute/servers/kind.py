"""Servers, declared as far as the lists of kinds must know them: the rest is written by hand."""

from __future__ import annotations

from fractus.services.compute.servers import policy
from fractus.services.compute.servers.costs import COSTS
from fractus.services.compute.servers.table import SERVER
from fractus.services.kind import Undeclared

KIND = Undeclared(
    name="server", service="compute", table=SERVER, rules=policy.RULES, costs=COSTS, sealed=("admin_pass",)
)
