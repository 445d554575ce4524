"""Nova's rule about the list of extensions, with its default."""

from __future__ import annotations

from fractus.auth.base_rules import ANY
from fractus.auth.policy import RuleDefault

LIST = "os_compute_api:extensions"

RULES = [RuleDefault(LIST, ANY, "List and show extensions.")]
