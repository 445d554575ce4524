"""How the usage of projects changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

USAGE = VersionTable((Behaviour(Version(2, 40), "pages"), Behaviour(Version(2, 75), "strict_query")))
