"""How availability zones changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

ZONES = VersionTable((Behaviour(Version(2, 102), "strict_query"),))
