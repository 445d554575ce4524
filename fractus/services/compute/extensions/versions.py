"""How the list of extensions changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

EXTENSIONS = VersionTable((Behaviour(Version(2, 102), "strict_query"),))
