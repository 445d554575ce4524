"""How lists changed from version to version."""

from __future__ import annotations

from fractus.web.microversion import Behaviour, Version, VersionTable

LISTS = VersionTable((Behaviour(Version(3, 45), "with_count"),))
